/** An exception to a rule, with its reason. One that allows nothing any more is itself reported. */
export interface Allowance {
  readonly rule: string;
  readonly file: string;
  /** Part of the problem's words: the name at fault. */
  readonly subject: string;
  readonly reason: string;
}

export const allowances: readonly Allowance[] = [];

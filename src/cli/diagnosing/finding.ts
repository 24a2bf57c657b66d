/** What one check found: what is so, and what to do when that is not good. */
export interface Finding {
  readonly name: string;
  readonly level: 'ok' | 'warn' | 'fail';
  readonly detail: string;
  readonly advice?: string;
}

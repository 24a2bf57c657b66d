export interface OriginRule {
  /** Exact origins, `https://app.example`; `*` is any. */
  readonly corsOrigins: ReadonlySet<string>;
  /** The checked Host header. */
  readonly host: string;
  readonly scheme: 'http' | 'https';
}

/** What the Origin header says: no browser, our own page, a configured foreign page, or one that has no business here. */
export type OriginVerdict = 'absent' | 'same' | 'configured' | 'foreign';

export function judgeOrigin(origin: string | undefined, rule: OriginRule): OriginVerdict {
  if (origin === undefined) return 'absent';
  if (rule.corsOrigins.has(origin)) return 'configured';
  if (origin.toLowerCase() === `${rule.scheme}://${rule.host.toLowerCase()}`) return 'same';
  return rule.corsOrigins.has('*') && origin !== 'null' ? 'configured' : 'foreign';
}

// Built from code points so that the source itself holds none of them.
const ESCAPE = String.fromCharCode(0x1b);
const BELL = String.fromCharCode(0x07);
const SEQUENCES = new RegExp(
  [
    `${ESCAPE}\\][^${BELL}${ESCAPE}]*(?:${BELL}|${ESCAPE}\\\\|$)`,
    `[${ESCAPE}\\u009b][[\\]()#;?]*(?:\\d{1,4}(?:[;:]\\d{0,4})*)?[\\dA-PR-TZcf-nq-uy=><~]`,
  ].join('|'),
  'g',
);
const CONTROLS = /[\p{Cc}\u2028\u2029\u202a-\u202e\u2066-\u2069]/gu;

/** Text of a model or a remote, fit for a terminal: no escape sequences, no controls but tab and newline, no direction overrides. */
export function cleanText(text: string): string {
  return text
    .replace(SEQUENCES, '')
    .replace(CONTROLS, (character) => (character === '\n' || character === '\t' ? character : ''));
}

/** The same on one line. */
export function cleanLine(text: string): string {
  return cleanText(text).replace(/\s+/g, ' ').trim();
}

/**
 * The same for text that comes in pieces. A sequence may be cut anywhere, and its end alone would look like text; so the escape
 * character alone is taken out, which leaves nothing that a terminal obeys.
 */
export function cleanPiece(text: string): string {
  return text.replace(CONTROLS, (character) => (character === '\n' || character === '\t' ? character : ''));
}

import type { Terminal } from '../../src/cli/terminal/index.ts';

/** A terminal whose text can be read. */
export interface PaperTerminal extends Terminal {
  readonly text: () => string;
}

export interface PaperOptions {
  /** Absent for a pipe. */
  readonly columns?: number;
  readonly rows?: number;
  /** Colours are written as `<red>…</red>`. */
  readonly withStyles?: true;
}

/** What is written and painted for a terminal of some width, or for a pipe. */
export function openPaper({ columns, rows = 24, withStyles }: PaperOptions = {}): PaperTerminal {
  let text = '';
  return {
    isInteractive: columns !== undefined,
    isOpen: true,
    columns: columns ?? 80,
    rows,
    write: (piece) => void (text += piece),
    paint: (style, painted) => (withStyles && painted !== '' ? `<${style}>${painted}</${style}>` : painted),
    text: () => text,
  };
}

import { stripVTControlCharacters } from 'node:util';
import type { Terminal } from '../terminal/index.ts';

const ERASE_REST_OF_LINE = '\u001b[K';
const ERASE_BELOW = '\u001b[J';

/** A picture of several lines that is drawn again in its place. */
export interface LivePicture {
  /** Draws; what does not fit the height of the terminal is left out at the bottom, and `…` tells so. */
  draw(picture: string): void;
  /** Takes it off the screen. */
  clear(): void;
}

/** Lines are overwritten rather than erased first, so that nothing flickers. For interactive terminals only. */
export function openLivePicture(terminal: Terminal): LivePicture {
  let shown: readonly string[] = [];
  const goUp = () => {
    const rows = shown.reduce((sum, line) => sum + rowsOf(line, terminal.columns), 0);
    return rows === 0 ? '' : `\u001b[${rows}A\r`;
  };
  return {
    draw: (picture) => {
      const lines = fit(picture.replace(/\n$/, '').split('\n'), terminal);
      const text = lines.map((line) => `${line}${restOf(line, terminal.columns)}\n`).join('');
      terminal.write(`${goUp()}${text}${ERASE_BELOW}`);
      shown = lines;
    },
    clear: () => {
      if (shown.length > 0) terminal.write(`${goUp()}${ERASE_BELOW}`);
      shown = [];
    },
  };
}

/** The cursor stands on a line of its own below. */
function fit(lines: readonly string[], { rows, columns }: Terminal): readonly string[] {
  const room = Math.max(2, rows - 1);
  let used = 0;
  const most = lines.findIndex((line) => (used += rowsOf(line, columns)) > room);
  return most < 0 ? lines : [...lines.slice(0, most - 1), '…'];
}

/** After a full line the cursor still stands on its last character, which an erasure would take. */
function restOf(line: string, columns: number): string {
  const width = widthOf(line);
  return width > 0 && width % columns === 0 ? '' : ERASE_REST_OF_LINE;
}

function rowsOf(line: string, columns: number): number {
  return Math.max(1, Math.ceil(widthOf(line) / columns));
}

function widthOf(line: string): number {
  return [...stripVTControlCharacters(line)].length;
}

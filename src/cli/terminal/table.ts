import { cleanLine } from './clean-text.ts';
import type { Style, Terminal } from './terminal.ts';

/** One column of a table; a value that is undefined shows as a dash. */
export interface Column<Row> {
  readonly title: string;
  readonly align?: 'left' | 'right';
  /** Is cut short when the terminal is too narrow. */
  readonly isElastic?: true;
  /** Is left out, the last such column first, when cutting alone does not help. */
  readonly isSpare?: true;
  value(row: Row): string | number | undefined;
  /** Colour of the cell; plain when absent or undefined. */
  style?(row: Row): Style | undefined;
}

const GAP = 2;
const SPACE = ' '.repeat(GAP);
const NARROWEST = 8;

/** Aligned columns under their titles, cut to the width of the terminal (never cut when it is a pipe). */
export function formatTable<Row>(rows: readonly Row[], columns: ReadonlyArray<Column<Row>>, terminal: Terminal): string {
  const cells = rows.map((row) => columns.map((column) => cleanLine(String(column.value(row) ?? '-'))));
  const titles = columns.map((column) => column.title);
  const widths = titles.map((title, i) => Math.max(widthOf(title), ...cells.map((line) => widthOf(line[i] ?? ''))));
  const excess = terminal.isInteractive ? shrink(widths, columns, terminal.columns) : 0;
  const spare = columns.findLastIndex((column) => column.isSpare === true);
  if (excess > 0 && spare >= 0) return formatTable(rows, columns.toSpliced(spare, 1), terminal);
  const head = terminal.paint('bold', alignLine(titles, columns, widths).join(SPACE).trimEnd());
  const body = cells.map((line, i) => {
    const row = rows[i];
    const parts = alignLine(line, columns, widths).map((part, at) => {
      const style = row === undefined ? undefined : columns[at]?.style?.(row);
      return style === undefined ? part : terminal.paint(style, part);
    });
    return parts.join(SPACE).trimEnd();
  });
  return [head, ...body].map((line) => `${line}\n`).join('');
}

/** Returns by how much the line is still too wide. */
function shrink<Row>(widths: number[], columns: ReadonlyArray<Column<Row>>, available: number): number {
  const total = widths.reduce((sum, width) => sum + width, 0) + GAP * (widths.length - 1);
  let excess = total - available;
  for (const [i, column] of columns.entries()) {
    if (excess <= 0 || column.isElastic !== true) continue;
    const width = widths[i] ?? 0;
    const narrowed = Math.max(Math.min(width, NARROWEST), width - excess);
    widths[i] = narrowed;
    excess -= width - narrowed;
  }
  return excess;
}

function alignLine<Row>(line: readonly string[], columns: ReadonlyArray<Column<Row>>, widths: readonly number[]): string[] {
  return line.map((cell, i) => {
    const width = widths[i] ?? 0;
    const text = cut(cell, width);
    if (columns[i]?.align !== 'right' && i === line.length - 1) return text;
    const space = ' '.repeat(Math.max(0, width - widthOf(text)));
    return columns[i]?.align === 'right' ? space + text : text + space;
  });
}

function cut(text: string, width: number): string {
  const characters = [...text];
  return characters.length <= width ? text : `${characters.slice(0, width - 1).join('')}…`;
}

function widthOf(text: string): number {
  return [...text].length;
}

// The table of docs/guides/configuration.md, made from the schema. Run this file to write it anew; a test compares.
import { readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { configFields, type ConfigField } from '../src/core/config/index.ts';

export const CONFIG_PAGE = fileURLToPath(new URL('../docs/guides/configuration.md', import.meta.url));

const BETWEEN_MARKERS = /(<!-- fields: made by scripts\/config-table\.ts -->\n)[\s\S]*?(\n<!-- end of fields -->)/;

/** The page with its table as the schema has it. Throws when the page has lost its markers. */
export function withConfigTable(page: string): string {
  if (!BETWEEN_MARKERS.test(page)) throw new Error('docs/guides/configuration.md has no markers for the table of fields');
  return page.replace(BETWEEN_MARKERS, (_, opening: string, closing: string) => `${opening}\n${configTable()}${closing}`);
}

function configTable(): string {
  const rows = [['Key', 'Variable', 'Default', 'Meaning'], ...configFields.map(cellsOf)];
  const widths = [0, 1, 2, 3].map((column) => Math.max(...rows.map((cells) => (cells[column] ?? '').length)));
  const [head = '', ...body] = rows.map(
    (cells) => `| ${cells.map((cell, column) => cell.padEnd(widths[column] ?? 0)).join(' | ')} |\n`,
  );
  return [head, `| ${widths.map((width) => '-'.repeat(width)).join(' | ')} |\n`, ...body].join('');
}

/** What a field expects that takes any text; saying so helps nobody. */
const ANY_TEXT = 'text that is not empty';

function cellsOf(field: ConfigField): string[] {
  const meaning = [field.description, field.expectation].filter((part) => part !== '' && part !== ANY_TEXT).join('; ');
  return [
    `\`${field.key}\``,
    `\`${field.variable}\``,
    describeDefault(field.defaultValue),
    meaning.replaceAll('|', String.raw`\|`),
  ];
}

function describeDefault(value: unknown): string {
  if (value === undefined || (Array.isArray(value) && value.length === 0)) return '';
  return `\`${Array.isArray(value) ? value.join(',') : String(value)}\``;
}

if (import.meta.main) writeFileSync(CONFIG_PAGE, withConfigTable(readFileSync(CONFIG_PAGE, 'utf8')));

import { cleanLine, formatBytes, formatTable, formatTime, type Column, type Style, type Terminal } from '../terminal/index.ts';
import type { ShownVersion } from './line-document.ts';

const STATE_STYLES: Readonly<Record<string, Style>> = { ready: 'green', loading: 'yellow', draining: 'yellow', failed: 'red' };

/** Colour of a version's state. */
export function styleOfState({ state }: Pick<ShownVersion, 'state'>): Style {
  return STATE_STYLES[state] ?? 'dim';
}

const COLUMNS: ReadonlyArray<Column<ShownVersion>> = [
  { title: 'MODEL', isElastic: true, value: (row) => row.model },
  { title: 'VERSION', align: 'right', value: (row) => row.version },
  { title: 'STATE', value: (row) => row.state, style: styleOfState },
  { title: 'ALIASES', value: (row) => (row.aliases?.length ? row.aliases.join(',') : undefined) },
  { title: 'WEIGHT', align: 'right', value: (row) => row.weight ?? undefined },
  { title: 'WHY', isElastic: true, value: (row) => row.reason ?? row.why },
  { title: 'PRECISION', isSpare: true, value: (row) => row.found?.precision },
  { title: 'SIZE', align: 'right', isSpare: true, value: (row) => row.found && formatBytes(row.found.bytes) },
  { title: 'ENGINE', isElastic: true, isSpare: true, value: (row) => row.found?.engine },
  { title: 'FROM', align: 'right', isSpare: true, value: (row) => row.parent },
  { title: 'ADDED', isSpare: true, value: (row) => `${formatTime(row.addedAt)} by ${row.addedBy}` },
];

/** One version as a list of facts. */
export function describeVersion(version: ShownVersion, terminal: Terminal): string {
  const { found, settings = {}, aliases = [], residentBytes, removedAt } = version;
  const facts: ReadonlyArray<readonly [name: string, value: string | undefined]> = [
    ['version', `${version.model}:${version.version}`],
    ['state', [version.state, version.reason ?? version.why].filter((one) => one !== undefined).join(': ')],
    ['aliases', aliases.length === 0 ? undefined : aliases.join(', ')],
    ['source', found?.source ?? version.source],
    ['sha256', found?.sha256],
    ['size', found && formatBytes(found.bytes)],
    ['memory', residentBytes === undefined ? undefined : formatBytes(residentBytes)],
    ['engine', found?.engine],
    ['precision', found?.precision],
    ['licence', found?.licence],
    ['settings', Object.keys(settings).length === 0 ? undefined : JSON.stringify(settings)],
    ['parent', version.parent],
    ['made by', version.madeBy],
    ['added', `${formatTime(version.addedAt)} by ${version.addedBy}`],
    ['removed', removedAt === undefined ? undefined : formatTime(removedAt)],
  ];
  return facts
    .flatMap(([name, value]) =>
      value === undefined || value === '' ? [] : [`${terminal.paint('dim', name.padEnd(10))} ${cleanLine(value)}\n`],
    )
    .join('');
}

/** The table of versions. */
export function drawVersions(versions: readonly ShownVersion[], terminal: Terminal): string {
  return formatTable(versions, COLUMNS, terminal);
}

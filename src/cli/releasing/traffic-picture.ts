import { cleanLine, drawBar, formatShare, formatTable, hangText, type Column, type Terminal } from '../terminal/index.ts';
import type { ShownLine, ShownVersion } from './line-document.ts';
import { styleOfState } from './version-table.ts';

const BAR_WIDTH = 20;
const INDENT = 12;

interface Row {
  readonly version: ShownVersion;
  /** Of all requests, 0…1; undefined where no weights are set. */
  readonly share: number | undefined;
}

/** Where the requests of a model go: its versions with their shares, then what else decides. */
export function drawTraffic(line: ShownLine, terminal: Terminal): string {
  const { weights } = line.traffic;
  const sum = Object.values(weights).reduce((total, weight) => total + weight, 0);
  const rows = line.versions
    .filter(({ version, state, aliases }) => weights[version] !== undefined || state !== 'unloaded' || aliases?.length)
    .map((version) => ({ version, share: sum === 0 ? undefined : (weights[version.version] ?? 0) / sum }));
  const facts = factsOf(line).map(([name, text]) => hangText(name.padEnd(INDENT), cleanLine(text), terminal));
  return [
    `${terminal.paint('bold', cleanLine(line.model))}${sum === 0 ? '  the highest version that is ready answers' : ''}\n`,
    formatTable(rows, columnsOf(terminal), terminal),
    '\n',
    ...facts,
  ].join('');
}

function factsOf({
  traffic,
  policy,
  rollout,
  experiments = [],
}: ShownLine): ReadonlyArray<readonly [name: string, text: string]> {
  const { sticky, rules, fallback, shadow } = traffic;
  const moves =
    rollout === undefined
      ? experiments.map(({ id }) => ['experiment', `${id} deals requests to its arms now; the weights wait for its end`] as const)
      : [
          [
            'rollout',
            `${rollout.id} gives ${formatShare(rollout.share)} to version ${rollout.candidate} now; the weights wait for its end`,
          ] as const,
        ];
  return [
    ...moves,
    ['sticky', describeSticky(sticky)],
    ...rules.map((rule, i) => [i === 0 ? 'rules' : '', describeRule(rule)] as const),
    ['fallback', fallback.length === 0 ? 'none' : fallback.join(', then ')],
    ...(shadow === undefined
      ? []
      : [['shadow', `copies of ${formatShare(shadow.share)} of requests go to version ${shadow.to}`] as const]),
    ['policy', describePolicy(policy)],
  ];
}

function describeSticky({ by, header }: ShownLine['traffic']['sticky']): string {
  if (by === 'request') return 'no: every request is dealt anew';
  return `requests of one ${by === 'header' ? `value of ${header ?? 'a header'}` : by} stay with one version`;
}

function describeRule({ when, to }: ShownLine['traffic']['rules'][number]): string {
  return `${typeof when === 'object' && when !== null ? describeConditions(when) : 'always'} → ${to}`;
}

function describeConditions(when: object): string {
  return Object.entries(when)
    .map(([name, condition]) => `${name} ${JSON.stringify(condition)}`)
    .join(' and ');
}

function describePolicy({ latest, specific }: ShownLine['policy']): string {
  if (latest !== undefined) return latest === 1 ? 'the latest version stays loaded' : `the latest ${latest} versions stay loaded`;
  return specific === undefined ? 'all versions stay loaded' : `versions ${specific.join(', ')} stay loaded`;
}

function columnsOf(terminal: Terminal): ReadonlyArray<Column<Row>> {
  const bar = ({ share = 0 }: Row) => drawBar(share, terminal.columns < 70 ? BAR_WIDTH / 2 : BAR_WIDTH);
  return [
    { title: 'VERSION', align: 'right', value: ({ version }) => version.version },
    {
      title: 'SHARE',
      align: 'right',
      value: ({ share }) => (share === undefined ? undefined : formatShare(share)),
    },
    { title: '', isSpare: true, value: (row) => (row.share === undefined ? '' : bar(row)) },
    { title: 'STATE', value: ({ version }) => version.state, style: ({ version }) => styleOfState(version) },
    { title: 'ALIASES', value: ({ version }) => (version.aliases?.length ? version.aliases.join(',') : undefined) },
  ];
}

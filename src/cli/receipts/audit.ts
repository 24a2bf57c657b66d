import { Argument, type Command } from 'commander';
import { z } from 'zod';
import { addServeFlags, askControl, pathWith, readNumber } from '../commanding/index.ts';
import { formatShare, formatTable, formatTime, usageError, writeJson, type Column, type Shell } from '../terminal/index.ts';

const PAGE = 1_000;

const entrySchema = z.looseObject({
  sequence: z.number(),
  at: z.number(),
  actor: z.string(),
  action: z.string(),
  subject: z.string(),
  detail: z.looseObject({}),
});
type Entry = z.infer<typeof entrySchema>;
const pageSchema = z.looseObject({ entries: z.array(entrySchema) });

interface Options {
  readonly after?: string;
  readonly most: string;
  readonly json?: true;
}

/** `plinth audit` */
export function registerAudit(program: Command, shell: Shell): void {
  const audit = program
    .command('audit')
    .description('the newest changes of versions, traffic and rollouts')
    .addArgument(new Argument('[model]', 'only what concerns this model'))
    .option('--after <n>', 'the first ones after this number instead of the newest')
    .option('--most <n>', 'at most so many', '50')
    .option('--json', 'as JSON');
  addServeFlags(audit).action(async (model: string | undefined, options: Options) => {
    const after = options.after === undefined ? undefined : readCount(options.after, '--after');
    const most = readCount(options.most, '--most');
    const pages = readPages((path) => askControl(audit, shell, { path }), after ?? 0);
    const entries: Entry[] = [];
    for await (const entry of pages) {
      if (model !== undefined && !concerns(entry, model)) continue;
      entries.push(entry);
      if (after !== undefined && entries.length >= most) break;
      if (after === undefined && entries.length > most) entries.shift();
    }
    if (options.json) writeJson(shell, entries);
    else shell.out.write(entries.length === 0 ? 'Nothing was changed yet.\n' : formatTable(entries, COLUMNS, shell.out));
  });
}

async function* readPages(ask: (path: string) => Promise<unknown>, after: number): AsyncGenerator<Entry> {
  let last = after;
  for (;;) {
    const { entries } = pageSchema.parse(await ask(pathWith('/plinth/v1/audit', { after: last, most: PAGE })));
    yield* entries;
    if (entries.length < PAGE) return;
    last = entries.at(-1)?.sequence ?? last;
  }
}

/** `chat`, `chat:4`, or a rollout or experiment whose entry names the model. */
function concerns({ subject, detail }: Entry, model: string): boolean {
  return subject === model || subject.startsWith(`${model}:`) || detail['model'] === model;
}

function readCount(text: string, flag: string): number {
  const count = readNumber(text, flag);
  if (!Number.isInteger(count) || count < 0) throw usageError(`${flag}: '${text}' is no whole number from 0`);
  return count;
}

/** What is told by other columns, or by `from` and `to`. */
const KNOWN_DETAILS = new Set(['model', 'baseline', 'candidate', 'revision', 'from', 'to', 'reason', 'because']);

/** What an entry says beside its subject: a move of a rollout and why, all else without braces and quotes. */
export function describeDetail({ detail }: Pick<Entry, 'detail'>): string {
  const { from, to, because, reason } = detail;
  if (!isPlace(to))
    return Object.entries(detail)
      .map(([name, value]) => `${name} ${typeof value === 'string' ? value : JSON.stringify(value)}`)
      .join(', ');
  const versions = `${textOf(detail['baseline'])} → ${textOf(detail['candidate'])}`;
  const move =
    isPlace(from) && describePlace(from) !== describePlace(to)
      ? `${describePlace(from)} → ${describePlace(to)}`
      : describePlace(to);
  const more = Object.entries(detail)
    .filter(([name, value]) => !KNOWN_DETAILS.has(name) && JSON.stringify(value) !== '[]')
    .map(([name, value]) => `${name} ${JSON.stringify(value)}`);
  return [`${versions} ${move}`, textOf(because ?? reason), ...more].filter((part) => part !== '').join(', ');
}

interface Place {
  readonly state: string;
  readonly share: number;
}

function isPlace(value: unknown): value is Place {
  if (typeof value !== 'object' || value === null || !('state' in value) || !('share' in value)) return false;
  return typeof value.state === 'string' && typeof value.share === 'number';
}

function describePlace({ state, share }: Place): string {
  return state === 'canary' ? `canary ${formatShare(share)}` : state;
}

function textOf(value: unknown): string {
  return typeof value === 'string' ? value : '';
}

const COLUMNS: ReadonlyArray<Column<Entry>> = [
  { title: 'NO', align: 'right', value: (entry) => entry.sequence },
  { title: 'WHEN', value: (entry) => formatTime(entry.at) },
  { title: 'WHO', isElastic: true, value: (entry) => entry.actor },
  { title: 'WHAT', value: (entry) => entry.action },
  { title: 'SUBJECT', value: (entry) => entry.subject },
  { title: 'DETAIL', isElastic: true, value: describeDetail },
];

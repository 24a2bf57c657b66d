import { Argument, type Command } from 'commander';
import { z } from 'zod';
import { addServeFlags, askControl, pathWith, readNumber } from '../commanding/index.ts';
import { nameCommand } from '../local/index.ts';
import { formatTable, formatTime, usageError, writeHint, writeJson, type Column, type Shell } from '../terminal/index.ts';

const PAGE = 10_000;

const pageSchema = z.looseObject({
  assignments: z.array(
    z.looseObject({ row: z.number(), at: z.number(), unit: z.string(), arm: z.string(), version: z.string() }),
  ),
  next: z.number().optional(),
});
type Assignment = z.infer<typeof pageSchema>['assignments'][number];

interface Options {
  readonly after: string;
  readonly most: string;
  readonly json?: true;
}

/** `plinth experiment assignments` */
export function registerAssignments(
  experiment: Command,
  shell: Shell,
  find: (command: Command, name: string) => Promise<string>,
): void {
  const assignments = experiment
    .command('assignments')
    .description('which unit (caller, conversation) was given which arm, in order')
    .addArgument(new Argument('<model>', 'its name (its running or newest experiment), or the id of an experiment'))
    .option('--after <n>', 'only rows after this number', '0')
    .option('--most <n>', 'at most so many', '100')
    .option('--json', 'as JSON');
  addServeFlags(assignments).action(async (name: string, options: Options) => {
    const range = { after: readCount(options.after, '--after'), most: readCount(options.most, '--most') };
    const id = await find(assignments, name);
    const { rows, next } = await readRows((path) => askControl(assignments, shell, { path }), id, range);
    if (options.json) return writeJson(shell, rows);
    shell.out.write(rows.length === 0 ? 'Nobody was given an arm yet.\n' : formatTable(rows, COLUMNS, shell.out));
    if (next !== undefined)
      writeHint(shell, `More: ${nameCommand(shell.env)} experiment assignments ${name} --after ${next} --most ${range.most}`);
  });
}

async function readRows(
  ask: (path: string) => Promise<unknown>,
  id: string,
  { after, most }: { readonly after: number; readonly most: number },
): Promise<{ readonly rows: readonly Assignment[]; readonly next: number | undefined }> {
  const rows: Assignment[] = [];
  let next: number | undefined = after;
  while (next !== undefined && rows.length < most) {
    const query = { after: next, most: Math.min(PAGE, most - rows.length) };
    const page = pageSchema.parse(await ask(pathWith(`/plinth/v1/experiments/${encodeURIComponent(id)}/assignments`, query)));
    rows.push(...page.assignments);
    next = page.next;
  }
  return { rows, next };
}

function readCount(text: string, flag: string): number {
  const count = readNumber(text, flag);
  if (!Number.isInteger(count) || count < 0) throw usageError(`${flag}: '${text}' is no whole number from 0`);
  return count;
}

const COLUMNS: ReadonlyArray<Column<Assignment>> = [
  { title: 'ROW', align: 'right', value: (row) => row.row },
  { title: 'WHEN', value: (row) => formatTime(row.at) },
  { title: 'UNIT', isElastic: true, value: (row) => row.unit },
  { title: 'ARM', value: (row) => row.arm },
  { title: 'VERSION', align: 'right', value: (row) => row.version },
];

import { Argument, type Command } from 'commander';
import { z } from 'zod';
import { addServeFlags, askControl, pathWith } from '../commanding/index.ts';
import { nameCommand } from '../local/index.ts';
import { cleanLine, formatTime, hangText, usageError, writeHint, writeJson, type Shell } from '../terminal/index.ts';

const CAPTURES = '/plinth/v1/captures';

const summarySchema = z.looseObject({
  count: z.number(),
  oldestAt: z.number().optional(),
  newestAt: z.number().optional(),
  kinds: z.record(z.string(), z.number()),
  redacted: z.record(z.string(), z.number()),
  captures: z.array(z.looseObject({ id: z.string(), at: z.number(), request: z.looseObject({}) })).optional(),
  /** Where older ones begin. */
  next: z.string().optional(),
});
type Summary = z.infer<typeof summarySchema>;

const SHOWN = 100;
const MOST_PER_ANSWER = 1_000;

interface Options {
  readonly contents?: true;
  readonly forget?: true;
  readonly json?: true;
}

/** `plinth captures <model>` */
export function registerCaptures(program: Command, shell: Shell): void {
  const captures = program
    .command('captures')
    .description('requests that are kept, redacted, for rehearsals')
    .addArgument(new Argument('<model>', 'its name'))
    .option('--contents', 'show the newest hundred of them')
    .option('--forget', 'remove all of this model')
    .option('--json', 'as JSON');
  addServeFlags(captures).action(async (model: string, options: Options) => {
    if (options.forget && options.contents) throw usageError('--contents and --forget exclude each other');
    if (options.forget) return forgetCaptures(captures, shell, { model, json: options.json });
    const ask = async (page: CapturePage) =>
      summarySchema.parse(await askControl(captures, shell, { path: pathWith(CAPTURES, { model, ...page }) }));
    const summary = await readAllCaptures(ask, options.contents);
    if (options.json) writeJson(shell, summary);
    else writeCaptures(shell, summary, model);
  });
}

/** Which kept requests are asked for, and whether with what was asked. */
export interface CapturePage {
  readonly limit: number;
  readonly before: string | undefined;
  readonly contents: 1 | undefined;
}

/** Counts all kept requests, page by page, the newest hundred with what was asked where that is wanted. */
export async function readAllCaptures(ask: (page: CapturePage) => Promise<Summary>, contents?: true): Promise<Summary> {
  const { next: second, ...all } = await ask({
    limit: contents ? SHOWN : MOST_PER_ANSWER,
    before: undefined,
    contents: contents && 1,
  });
  for (let next = second; next !== undefined;) {
    const page = await ask({ limit: MOST_PER_ANSWER, before: next, contents: undefined });
    all.count += page.count;
    all.kinds = sumOf(all.kinds, page.kinds);
    all.redacted = sumOf(all.redacted, page.redacted);
    if (page.oldestAt !== undefined) all.oldestAt = page.oldestAt;
    next = page.next;
  }
  return all;
}

function sumOf(a: Readonly<Record<string, number>>, b: Readonly<Record<string, number>>): Record<string, number> {
  const names = new Set([...Object.keys(a), ...Object.keys(b)]);
  return Object.fromEntries([...names].map((name) => [name, (a[name] ?? 0) + (b[name] ?? 0)]));
}

async function forgetCaptures(
  command: Command,
  shell: Shell,
  { model, json }: { readonly model: string; readonly json: true | undefined },
): Promise<void> {
  const answer = await askControl(command, shell, { path: `${CAPTURES}/forget`, body: { model } });
  if (json) return writeJson(shell, answer);
  const { removed } = z.looseObject({ removed: z.number() }).parse(answer);
  shell.out.write(`Removed ${removed} kept ${removed === 1 ? 'request' : 'requests'} of ${cleanLine(model)}.\n`);
}

function writeCaptures(shell: Shell, summary: Summary, model: string): void {
  const { count, oldestAt, newestAt, kinds, redacted, captures = [] } = summary;
  if (count === 0) {
    shell.out.write(`No requests of ${cleanLine(model)} are kept.\n`);
    return writeHint(
      shell,
      'To keep some: set releases.captureShare above 0; callers consent with the header x-plinth-consent: capture.',
    );
  }
  const times =
    oldestAt === undefined || newestAt === undefined ? '' : `, from ${formatTime(oldestAt)} to ${formatTime(newestAt)}`;
  shell.out.write(`${count} requests of ${cleanLine(model)} are kept${times}\n`);
  shell.out.write(hangText('kinds     ', listCounts(kinds), shell.out));
  shell.out.write(hangText('redacted  ', listCounts(redacted) || 'nothing had to be', shell.out));
  for (const { id, at, request } of captures)
    shell.out.write(
      `\n${shell.out.paint('bold', cleanLine(`${formatTime(at)}  ${id}`))}\n${hangText('  ', cleanLine(JSON.stringify(request)), shell.out)}`,
    );
  if (captures.length === 0)
    writeHint(shell, `Next: ${nameCommand(shell.env)} rollout rehearse ${model} --to <version>   asks them again of a version`);
}

function listCounts(counts: Readonly<Record<string, number>>): string {
  return cleanLine(
    Object.entries(counts)
      .map(([name, count]) => `${count} ${name}`)
      .join(', '),
  );
}

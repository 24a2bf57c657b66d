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
});
type Summary = z.infer<typeof summarySchema>;

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
    const path = pathWith(CAPTURES, { model, contents: options.contents ? 1 : undefined });
    const answer = await askControl(captures, shell, { path });
    if (options.json) writeJson(shell, answer);
    else writeCaptures(shell, summarySchema.parse(answer), model);
  });
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

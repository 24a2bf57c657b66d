import { setTimeout as sleep } from 'node:timers/promises';
import { Argument, type Command } from 'commander';
import { z } from 'zod';
import { addConfigFlags } from '../config-flags.ts';
import { resolveFileArgument } from '../local/index.ts';
import { cleanLine, formatTable, formatTime, usageError, writeJson, type Column, type Shell } from '../terminal/index.ts';
import { askControl, pathWith, readMappingFile } from '../releasing/index.ts';
import { registerRehearse } from './rehearse.ts';
import { rolloutSchema, type ShownRollout } from './rollout-document.ts';
import { drawRollout } from './rollout-picture.ts';

const ROLLOUTS = '/plinth/v1/rollouts';
const WATCH_MS = 500;
const STOPPED = new Set(['rolled-back', 'aborted', 'failed']);
const FAILED = 1;

interface StartOptions {
  readonly to: string;
  readonly from?: string;
  readonly strategy?: string;
  readonly plan?: string;
  readonly steps?: string;
  readonly requests?: string;
  readonly minutes?: string;
  readonly watch?: true;
  readonly json?: true;
}

/** `plinth rollout start|status|why|list|pause|resume|promote|abort|rehearse` */
export function registerRollout(program: Command, shell: Shell): void {
  const rollout = program.command('rollout').description('move a model to another version, in steps that are judged');
  registerStart(rollout, shell);
  registerStatus(rollout, shell);
  registerWhy(rollout, shell);
  registerList(rollout, shell);
  const verbs = {
    pause: 'let the share stand where it is',
    resume: 'go on',
    promote: 'give the candidate everything now, whatever the judges say',
    abort: 'give everything back to the version before',
  };
  for (const [verb, description] of Object.entries(verbs)) registerVerb(rollout, shell, { verb, description });
  registerRehearse(rollout, shell);
}

function registerStart(rollout: Command, shell: Shell): void {
  const start = rollout
    .command('start')
    .description('begin: shadow, canary in steps, then promoted, or rolled back by itself')
    .addArgument(new Argument('<model>', 'its name'))
    .requiredOption('--to <version>', 'the candidate: a version, or @alias')
    .option('--from <version>', 'the version to compare with (default: the one that answers now)')
    .option('--strategy <list>', 'shadow,canary or one of them (default: both)')
    .option('-f, --plan <file>', 'judges, golden questions and steps as YAML or JSON')
    .option('--steps <percents>', 'shares of the canary: 1,5,25,50,100')
    .option('--requests <n>', 'least answers of the candidate in a step, and comparisons before the canary')
    .option('--minutes <n>', 'least time in a step')
    .option('-w, --watch', 'stay until it has ended; exit status 1 unless it is promoted')
    .option('--json', 'as JSON');
  addConfigFlags(start, ['home']).action(async (model: string, options: StartOptions) => {
    const { to, from, strategy } = options;
    const body = {
      model,
      to,
      ...(from !== undefined && { from }),
      ...(strategy !== undefined && { strategy }),
      plan: readPlan(options, shell),
    };
    const document = rolloutSchema.parse(await askControl(start, shell, { path: ROLLOUTS, body }));
    if (options.watch) return watchRollout(start, shell, { name: document.id, json: options.json });
    if (options.json) writeJson(shell, document);
    else shell.out.write(`${drawRollout(document, shell.out)}Follow it: plinth rollout status ${model} --watch\n`);
  });
}

function registerStatus(rollout: Command, shell: Shell): void {
  const status = nameCommand(rollout, 'status', 'where a rollout stands: its steps, what the judges say, what is missing');
  status.option('-w, --watch', 'stay until it has ended; exit status 1 unless it is promoted');
  status.action(async (name: string, options: { json?: true; watch?: true }) => {
    if (options.watch) return watchRollout(status, shell, { name, json: options.json });
    const document = await askControl(status, shell, { path: `${ROLLOUTS}/${encodeURIComponent(name)}` });
    if (options.json) writeJson(shell, document);
    else shell.out.write(drawRollout(rolloutSchema.parse(document), shell.out));
  });
}

function registerWhy(rollout: Command, shell: Shell): void {
  const why = nameCommand(rollout, 'why', 'why a rollout is where it is, and what happens next');
  why.action(async (name: string, options: { json?: true }) => {
    const answer = await askControl(why, shell, { path: `${ROLLOUTS}/${encodeURIComponent(name)}/why` });
    if (options.json) return writeJson(shell, answer);
    const { headline, because, next } = z
      .looseObject({ headline: z.string(), because: z.array(z.string()), next: z.string() })
      .parse(answer);
    shell.out.write(
      `${cleanLine(headline)}\n${because.map((reason) => `  because ${cleanLine(reason)}\n`).join('')}${cleanLine(next)}\n`,
    );
  });
}

function registerList(rollout: Command, shell: Shell): void {
  const list = rollout
    .command('list')
    .alias('ls')
    .description('rollouts, the newest first')
    .addArgument(new Argument('[model]', 'only of this model'))
    .option('--json', 'as JSON');
  addConfigFlags(list, ['home']).action(async (model: string | undefined, options: { json?: true }) => {
    const answer = await askControl(list, shell, { path: pathWith(ROLLOUTS, { model }) });
    if (options.json) return writeJson(shell, answer);
    const { rollouts } = z.looseObject({ rollouts: z.array(rolloutSchema) }).parse(answer);
    shell.out.write(rollouts.length === 0 ? 'There are no rollouts.\n' : formatTable(rollouts, COLUMNS, shell.out));
  });
}

function registerVerb(rollout: Command, shell: Shell, { verb, description }: { verb: string; description: string }): void {
  const command = nameCommand(rollout, verb, description).option('-r, --reason <text>', 'why, for the audit log');
  command.action(async (name: string, options: { json?: true; reason?: string }) => {
    const body = options.reason === undefined ? {} : { reason: options.reason };
    const document = await askControl(command, shell, { path: `${ROLLOUTS}/${encodeURIComponent(name)}/${verb}`, body });
    if (options.json) writeJson(shell, document);
    else shell.out.write(`${cleanLine(rolloutSchema.parse(document).headline)}\n`);
  });
}

function nameCommand(rollout: Command, name: string, description: string): Command {
  const command = rollout
    .command(name)
    .description(description)
    .addArgument(new Argument('<model>', 'its name (then its running or newest rollout), or the id of a rollout'))
    .option('--json', 'as JSON');
  return addConfigFlags(command, ['home']);
}

/** Tells of every change of state and step, and draws the whole picture at the end. */
async function watchRollout(
  command: Command,
  shell: Shell,
  { name, json }: { name: string; json: true | undefined },
): Promise<void> {
  let before = '';
  for (;;) {
    const document = rolloutSchema.parse(await askControl(command, shell, { path: `${ROLLOUTS}/${encodeURIComponent(name)}` }));
    if (!document.isRunning) return endWatch(shell, document, json);
    const now = `${document.state} ${document.percent} ${document['paused'] ?? ''}`;
    if (now !== before) shell.err.write(`${formatTime(Date.now())}  ${cleanLine(document.headline)}\n`);
    before = now;
    await sleep(WATCH_MS);
  }
}

function endWatch(shell: Shell, document: ShownRollout, json: true | undefined): void {
  if (json) writeJson(shell, document);
  else shell.out.write(drawRollout(document, shell.out));
  if (STOPPED.has(document.state)) process.exitCode = FAILED;
}

function readPlan({ plan: given, steps, requests, minutes }: StartOptions, shell: Shell): Record<string, unknown> {
  const plan = given === undefined ? {} : readMappingFile(resolveFileArgument(given, shell.env));
  const least = {
    ...(requests !== undefined && { requests: readNumber(requests, '--requests') }),
    ...(minutes !== undefined && { minutes: readNumber(minutes, '--minutes') }),
  };
  if (steps !== undefined)
    plan['steps'] = steps.split(',').map((percent) => ({ percent: readNumber(percent, '--steps'), ...least }));
  else if (Object.keys(least).length > 0 && plan['steps'] === undefined)
    plan['steps'] = DEFAULT_PERCENTS.map((percent) => ({ percent, ...least }));
  if (least.requests !== undefined && plan['shadow'] === undefined) plan['shadow'] = { comparisons: least.requests };
  return plan;
}

const DEFAULT_PERCENTS = [1, 5, 25, 50, 100];

function readNumber(text: string, flag: string): number {
  const value = Number(text);
  if (text.trim() === '' || !Number.isFinite(value)) throw usageError(`${flag}: '${text}' is no number`);
  return value;
}

const COLUMNS: ReadonlyArray<Column<ShownRollout>> = [
  { title: 'ID', value: (row) => row.id },
  { title: 'MODEL', isElastic: true, value: (row) => row.model },
  { title: 'FROM', align: 'right', value: (row) => row.from },
  { title: 'TO', align: 'right', value: (row) => row.to },
  { title: 'STATE', value: (row) => row.state },
  { title: 'SHARE', align: 'right', value: (row) => `${row.percent} %` },
  { title: 'BEGUN', isSpare: true, value: (row) => formatTime(row.startedAt) },
  { title: 'WHY', isElastic: true, isSpare: true, value: (row) => row.headline },
];

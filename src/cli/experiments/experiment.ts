import { Argument, Option, type Command } from 'commander';
import { z } from 'zod';
import { PlinthError } from '../../core/errors/index.ts';
import { addServeFlags, askControl, collect, pathWith, readMappingFile } from '../commanding/index.ts';
import { nameCommand } from '../local/index.ts';
import { formatTable, formatTime, writeHint, writeJson, type Column, type Shell } from '../terminal/index.ts';
import { follow } from '../watching/index.ts';
import { registerAssignments } from './assignments.ts';
import { experimentSchema, summarySchema, type ExperimentSummary, type ShownExperiment } from './experiment-document.ts';
import { describeStage, drawExperiment } from './experiment-picture.ts';
import { readExperimentPlan, type ExperimentFlags } from './read-experiment-plan.ts';

const EXPERIMENTS = '/plinth/v1/experiments';

interface ShowOptions {
  readonly json?: true;
}

/** `plinth experiment start|status|list|stop|assignments` */
export function registerExperiment(program: Command, shell: Shell): void {
  const experiment = program.command('experiment').description('find out which version of a model does better');
  registerStart(experiment, shell);
  registerStatus(experiment, shell);
  registerList(experiment, shell);
  registerStop(experiment, shell);
  registerAssignments(experiment, shell, (command, name) => findExperiment(command, shell, name));
}

function registerStart(experiment: Command, shell: Shell): void {
  const start = experiment
    .command('start')
    .description('deal requests to arms; it ends when you stop it, or a guard breaks')
    .addArgument(new Argument('<model>', 'its name'))
    .option('--arm <name=version[:weight]>', 'a version that takes part; the first is the control (repeatable)', collect)
    .option('--metric <name>', 'feedback, duration, firstToken, interToken, tokensOut, errors or refusals')
    .option('--guard <metric=limit>', 'ends it when an arm is worse by more: errors=0.02 (repeatable)', collect)
    .option('--control <arm>', 'the arm that the others are compared with')
    .addOption(new Option('--direction <which>', 'which way is better').choices(['higher', 'lower']))
    .option('--minimum-effect <n>', 'the smallest difference that matters (default: 0.05)')
    .option('--false-alarm-rate <n>', 'chance of a difference that is none (default: 0.05)')
    .option('--feedback-metric <key>', 'only feedback under this key')
    .option('--sticky <by>', 'request, caller, conversation or header:<name> (default: conversation)')
    .option('--most-requests <n>', 'it ends after so many answers')
    .option('--most-minutes <n>', 'it ends after so many minutes')
    .option('-f, --plan <file>', 'all of this as YAML or JSON')
    .option('-w, --watch', 'stay until it has ended')
    .option('--json', 'as JSON');
  addServeFlags(start).action(async (model: string, options: StartOptions) => {
    const plan = readExperimentPlan(options, options.plan === undefined ? {} : readMappingFile(options.plan, shell));
    const answer = await askControl(start, shell, { path: EXPERIMENTS, body: { ...plan, model } });
    const document = experimentSchema.parse(answer);
    if (options.watch) return watchExperiment(start, shell, { id: document.id, json: options.json });
    writeExperiment(shell, document, options.json);
    if (!options.json) writeHint(shell, `Next: ${nameCommand(shell.env)} experiment status ${model}   shows the result so far`);
  });
}

interface StartOptions extends ExperimentFlags, ShowOptions {
  readonly plan?: string;
  readonly watch?: true;
}

function registerStatus(experiment: Command, shell: Shell): void {
  const status = addName(experiment, 'status', 'what an experiment has shown so far; look as often as you like');
  status.option('-w, --watch', 'stay until it has ended');
  status.action(async (name: string, options: ShowOptions & { readonly watch?: true }) => {
    const id = await findExperiment(status, shell, name);
    if (options.watch) return watchExperiment(status, shell, { id, json: options.json });
    const document = await readExperiment(status, shell, id);
    writeExperiment(shell, document, options.json);
    if (!options.json && document.state === 'running' && document.isDecided)
      writeHint(shell, `Next: ${nameCommand(shell.env)} experiment stop ${name}   ends it; all requests go to its control`);
  });
}

function registerStop(experiment: Command, shell: Shell): void {
  const stop = addName(experiment, 'stop', 'end an experiment; all requests go to its control');
  stop.option('-r, --reason <text>', 'why, for the audit log');
  stop.action(async (name: string, options: ShowOptions & { readonly reason?: string }) => {
    const id = await findExperiment(stop, shell, name);
    const body = options.reason === undefined ? {} : { reason: options.reason };
    const answer = await askControl(stop, shell, { path: `${EXPERIMENTS}/${encodeURIComponent(id)}/stop`, body });
    const document = experimentSchema.parse(answer);
    writeExperiment(shell, document, options.json);
    const better = document.arms.find(({ versusControl }) => versusControl?.state === 'better');
    if (!options.json && better !== undefined)
      writeHint(shell, `Next: ${nameCommand(shell.env)} rollout start ${document.model} --to ${better.version}`);
  });
}

function registerList(experiment: Command, shell: Shell): void {
  const list = experiment
    .command('list')
    .alias('ls')
    .description('experiments, the newest first')
    .addArgument(new Argument('[model]', 'only of this model'))
    .option('--json', 'as JSON');
  addServeFlags(list).action(async (model: string | undefined, options: ShowOptions) => {
    const answer = await askControl(list, shell, { path: pathWith(EXPERIMENTS, { model }) });
    if (options.json) return writeJson(shell, answer);
    const { experiments } = listSchema.parse(answer);
    shell.out.write(experiments.length === 0 ? 'There are no experiments.\n' : formatTable(experiments, COLUMNS, shell.out));
    if (experiments.length === 0)
      writeHint(shell, `Next: ${nameCommand(shell.env)} experiment start <model> --arm old=1 --arm new=2 --metric feedback`);
  });
}

const listSchema = z.looseObject({ experiments: z.array(summarySchema) });

/** The id that is meant: of a model its running experiment, else its newest. Throws `not_found`. */
async function findExperiment(command: Command, shell: Shell, name: string): Promise<string> {
  if (/^x_[0-9a-f]{16}$/.test(name)) return name;
  const answer = await askControl(command, shell, { path: pathWith(EXPERIMENTS, { model: name }) });
  const { experiments } = listSchema.parse(answer);
  const found = experiments.find(({ state }) => state === 'running') ?? experiments[0];
  if (found !== undefined) return found.id;
  const message = `'${name}' has no experiment, and is no id of one; \`${nameCommand(shell.env)} experiment list\` shows what there is.`;
  throw new PlinthError({ code: 'not_found', message });
}

async function readExperiment(command: Command, shell: Shell, id: string): Promise<ShownExperiment> {
  return experimentSchema.parse(await askControl(command, shell, { path: `${EXPERIMENTS}/${encodeURIComponent(id)}` }));
}

async function watchExperiment(
  command: Command,
  shell: Shell,
  { id, json }: { readonly id: string; readonly json: true | undefined },
): Promise<void> {
  const stream = json ? 'err' : 'out';
  const ended = await follow(
    shell,
    {
      read: () => readExperiment(command, shell, id),
      hasEnded: ({ state }) => state !== 'running',
      draw: (document) => drawExperiment(document, shell[stream], Date.now()),
      describe: describeStage,
      stageOf: ({ state, arms, guards }) =>
        JSON.stringify([state, arms.map(({ versusControl }) => versusControl?.state), guards.map((guard) => guard.state)]),
    },
    stream,
  );
  if (ended !== undefined) writeExperiment(shell, ended, json);
}

function writeExperiment(shell: Shell, document: ShownExperiment, json: true | undefined): void {
  if (json) writeJson(shell, document);
  else shell.out.write(drawExperiment(document, shell.out, Date.now()));
}

function addName(experiment: Command, name: string, description: string): Command {
  const command = experiment
    .command(name)
    .description(description)
    .addArgument(new Argument('<model>', 'its name (its running or newest experiment), or the id of an experiment'))
    .option('--json', 'as JSON');
  return addServeFlags(command);
}

const COLUMNS: ReadonlyArray<Column<ExperimentSummary>> = [
  { title: 'ID', value: (row) => row.id },
  { title: 'MODEL', isElastic: true, value: (row) => row.model },
  { title: 'STATE', value: (row) => row.state, style: (row) => (row.state === 'running' ? 'cyan' : undefined) },
  { title: 'BEGUN', value: (row) => formatTime(row.startedAt) },
  { title: 'BY', isElastic: true, isSpare: true, value: (row) => row.startedBy },
  { title: 'WHY', isElastic: true, isSpare: true, value: (row) => row.reason },
];

import { Argument, type Command } from 'commander';
import { z } from 'zod';
import { addServeFlags, askControl, pathWith, readMappingFile } from '../commanding/index.ts';
import { nameCommand } from '../local/index.ts';
import {
  cleanLine,
  formatTable,
  formatTime,
  hangText,
  writeHint,
  writeJson,
  type Column,
  type Shell,
} from '../terminal/index.ts';
import { describeAgreement } from './agreement-words.ts';
import { readRolloutPlan, type PlanFlags } from './read-rollout-plan.ts';
import { registerRehearse } from './rehearse.ts';
import { rolloutSchema, type ShownRollout } from './rollout-document.ts';
import { describeStanding } from './rollout-words.ts';
import { rolloutPath, watchRollout, writeRollout, type ShowOptions } from './watch-rollout.ts';

const ROLLOUTS = '/plinth/v1/rollouts';

interface StartOptions extends PlanFlags, ShowOptions {
  readonly to: string;
  readonly from?: string;
  readonly strategy?: string;
  readonly plan?: string;
  readonly watch?: true;
}

/** `plinth rollout start|status|why|list|pause|resume|promote|abort|rehearse` */
export function registerRollout(program: Command, shell: Shell): void {
  const rollout = program.command('rollout').description('move a model to another version, in judged steps');
  registerStart(rollout, shell);
  registerStatus(rollout, shell);
  registerWhy(rollout, shell);
  registerList(rollout, shell);
  const verbs = {
    pause: 'let the share stand; a bad candidate still goes back',
    resume: 'go on after a pause',
    promote: 'give the candidate everything now, whatever judges say',
    abort: 'give everything back to the version before',
  };
  for (const [verb, description] of Object.entries(verbs)) registerVerb(rollout, shell, { verb, description });
  registerRehearse(rollout, shell);
}

function registerStart(rollout: Command, shell: Shell): void {
  const start = rollout
    .command('start')
    .description('begin: shadow, canary in steps, promoted or rolled back')
    .addArgument(new Argument('<model>', 'its name'))
    .requiredOption('--to <version>', 'the candidate: a version, or @alias')
    .option('--from <version>', 'the version to compare with (default: the one that answers now)')
    .option('--strategy <list>', 'shadow,canary or one of them (default: both)')
    .option('-f, --plan <file>', 'judges, golden questions and steps as YAML or JSON')
    .option('--steps <percents>', 'shares of the canary: 1,5,25,50,100')
    .option('--requests <n>', 'least answers of the candidate in a step, and comparisons before the canary')
    .option('--minutes <n>', 'least time in a step of the canary')
    .option('-w, --watch', 'stay until it has ended; exit status 1 unless it is promoted')
    .option('--json', 'as JSON');
  addServeFlags(start).action(async (model: string, options: StartOptions) => {
    const { to, from, strategy, plan, watch } = options;
    const body = {
      model,
      to,
      ...(from !== undefined && { from }),
      ...(strategy !== undefined && { strategy }),
      plan: readRolloutPlan(options, plan === undefined ? {} : readMappingFile(plan, shell)),
    };
    const answer = await askControl(start, shell, { path: ROLLOUTS, body });
    const document = rolloutSchema.parse(answer);
    if (watch) return watchRollout(start, shell, { ...options, name: document.id });
    writeRollout(shell, document, options);
    if (!options.json) writeHint(shell, `Next: ${nameCommand(shell.env)} rollout status ${model} --watch   follows it`);
  });
}

function registerStatus(rollout: Command, shell: Shell): void {
  const status = addName(rollout, 'status', 'where a rollout stands: steps, judges, what is missing');
  status
    .option('-w, --watch', 'stay until it has ended; exit status 1 unless it is promoted')
    .option('-a, --all', 'also the judges that are off, and why they are');
  status.action(async (name: string, options: ShowOptions & { readonly watch?: true }) => {
    if (options.watch) return watchRollout(status, shell, { ...options, name });
    const answer = await askControl(status, shell, { path: rolloutPath(name) });
    if (options.json) writeJson(shell, answer);
    else writeRollout(shell, rolloutSchema.parse(answer), options);
  });
}

const explanationSchema = z.looseObject({ headline: z.string(), because: z.array(z.string()), next: z.string() });

function registerWhy(rollout: Command, shell: Shell): void {
  const why = addName(rollout, 'why', 'why a rollout is where it is, and what happens next');
  why.action(async (name: string, options: ShowOptions) => {
    const answer = await askControl(why, shell, { path: rolloutPath(name, 'why') });
    if (options.json) return writeJson(shell, answer);
    const { because, next } = explanationSchema.parse(answer);
    const shown = rolloutSchema.parse(await askControl(why, shell, { path: rolloutPath(name) }));
    const { agreement } = shown;
    const same = agreement === undefined ? '' : hangText('Same  ', describeAgreement(agreement, shown), shell.out);
    const reasons = because.map((reason, i) => hangText(i === 0 ? 'Why   ' : '      ', cleanLine(reason), shell.out));
    const last = hangText('Next  ', cleanLine(next), shell.out);
    shell.out.write(`${describeStanding(shown)}\n${reasons.join('')}${same}${last}`);
  });
}

function registerList(rollout: Command, shell: Shell): void {
  const list = rollout
    .command('list')
    .alias('ls')
    .description('rollouts, the newest first')
    .addArgument(new Argument('[model]', 'only of this model'))
    .option('--json', 'as JSON');
  addServeFlags(list).action(async (model: string | undefined, options: ShowOptions) => {
    const answer = await askControl(list, shell, { path: pathWith(ROLLOUTS, { model }) });
    if (options.json) return writeJson(shell, answer);
    const { rollouts } = z.looseObject({ rollouts: z.array(rolloutSchema) }).parse(answer);
    shell.out.write(rollouts.length === 0 ? 'There are no rollouts.\n' : formatTable(rollouts, COLUMNS, shell.out));
    if (rollouts.length === 0) writeHint(shell, `Next: ${nameCommand(shell.env)} rollout start <model> --to <version>`);
  });
}

function registerVerb(rollout: Command, shell: Shell, { verb, description }: { verb: string; description: string }): void {
  const command = addName(rollout, verb, description).option('-r, --reason <text>', 'why, for the audit log');
  command.action(async (name: string, options: ShowOptions & { readonly reason?: string }) => {
    const body = options.reason === undefined ? {} : { reason: options.reason };
    const answer = await askControl(command, shell, { path: rolloutPath(name, verb), body });
    if (options.json) return writeJson(shell, answer);
    const document = rolloutSchema.parse(answer);
    const pause = document.paused === undefined || !document.isRunning ? '' : ' It stands still until it is resumed.';
    shell.out.write(`${describeStanding(document)}${pause}\n`);
    const next = nextAfter(document, verb);
    if (next !== undefined) writeHint(shell, `Next: ${nameCommand(shell.env)} rollout ${next}`);
  });
}

function nextAfter({ model, isRunning }: ShownRollout, verb: string): string | undefined {
  if (verb === 'pause' && isRunning) return `resume ${model}   goes on; promote and abort end it`;
  return isRunning ? `status ${model} --watch   follows it` : undefined;
}

function addName(rollout: Command, name: string, description: string): Command {
  const command = rollout
    .command(name)
    .description(description)
    .addArgument(new Argument('<model>', 'its name (its running or newest rollout), or the id of a rollout'))
    .option('--json', 'as JSON');
  return addServeFlags(command);
}

const COLUMNS: ReadonlyArray<Column<ShownRollout>> = [
  { title: 'ID', value: (row) => row.id },
  { title: 'MODEL', isElastic: true, value: (row) => row.model },
  { title: 'FROM', align: 'right', value: (row) => row.from },
  { title: 'TO', align: 'right', value: (row) => row.to },
  {
    title: 'STATE',
    value: (row) => (row.paused === undefined || !row.isRunning ? row.state : `${row.state}, paused`),
    style: (row) => (row.state === 'promoted' ? 'green' : row.isRunning ? 'cyan' : 'red'),
  },
  { title: 'SHARE', align: 'right', value: (row) => `${row.percent} %` },
  { title: 'BEGUN', isSpare: true, value: (row) => formatTime(row.startedAt) },
  { title: 'BY', isElastic: true, isSpare: true, value: (row) => row.startedBy },
];

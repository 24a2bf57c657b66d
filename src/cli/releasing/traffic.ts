import { Argument, type Command } from 'commander';
import { addServeFlags, askControl, pathWith, readMappingFile } from '../commanding/index.ts';
import { usageError, writeJson, type Shell } from '../terminal/index.ts';
import { changedLineSchema, linesSchema, type ShownLine } from './line-document.ts';
import { readPolicy, readTraffic, type TrafficFlags } from './read-traffic.ts';
import { drawTraffic } from './traffic-picture.ts';

interface SetOptions extends TrafficFlags {
  readonly file?: string;
  readonly policy?: string;
  readonly json?: true;
}

/** `plinth traffic show|set` */
export function registerTraffic(program: Command, shell: Shell): void {
  const traffic = program.command('traffic').description('how requests are spread over the versions of a model');
  registerShow(traffic, shell);
  registerSet(traffic, shell);
}

function registerShow(traffic: Command, shell: Shell): void {
  const show = traffic
    .command('show')
    .description('shares, rules, fallback and policy of a model')
    .addArgument(new Argument('<model>', 'its name'))
    .option('--json', 'as JSON');
  addServeFlags(show).action(async (model: string, options: { json?: true }) => {
    const answer = await askControl(show, shell, { path: pathWith('/plinth/v1/lines', { model }) });
    for (const line of linesSchema.parse(answer).lines) writeLine(shell, line, options.json);
  });
}

function registerSet(traffic: Command, shell: Shell): void {
  const set = traffic
    .command('set')
    .description('change shares, stickiness, fallback or policy of a model; what is not named stays')
    .addArgument(new Argument('<model>', 'its name'))
    .option('-w, --weights <version=weight,…>', 'shares of versions: 3=95,4=5; none: all to the highest that is ready')
    .option('--sticky <by>', 'request, caller, conversation or header:<name>')
    .option('--fallback <targets>', 'where requests go that a version cannot answer: 3,@stable,other; or none')
    .option('--shadow <version=share>', 'copies of a share of requests, for comparison: 4=0.1; or none')
    .option('--policy <policy>', 'which versions stay loaded: latest:2, all, or 3,4')
    .option('-f, --file <file>', 'a traffic policy as YAML or JSON; rules are given so')
    .option('--json', 'as JSON');
  addServeFlags(set).action(async (model: string, options: SetOptions) => {
    const wanted = readTraffic(options, options.file === undefined ? {} : readMappingFile(options.file, shell));
    const policy = options.policy === undefined ? undefined : readPolicy(options.policy);
    const orders = [
      ...(Object.keys(wanted).length === 0 ? [] : [{ path: '/plinth/v1/traffic', body: { model, traffic: wanted } }]),
      ...(policy === undefined ? [] : [{ path: '/plinth/v1/policy', body: { model, policy } }]),
    ];
    if (orders.length === 0) throw usageError('nothing to change was named; `plinth traffic set --help` shows what there is');
    let line: ShownLine | undefined;
    for (const order of orders) line = changedLineSchema.parse(await askControl(set, shell, order)).line;
    if (line !== undefined) writeLine(shell, line, options.json);
  });
}

function writeLine(shell: Shell, line: ShownLine, json: true | undefined): void {
  const { policy, aliases, traffic } = line;
  if (json) writeJson(shell, { policy, aliases, traffic });
  else shell.out.write(drawTraffic(line, shell.out));
}

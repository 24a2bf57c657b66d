import { Argument, type Command } from 'commander';
import { stringify } from 'yaml';
import { z } from 'zod';
import { addConfigFlags } from '../config-flags.ts';
import { resolveFileArgument } from '../local/index.ts';
import { cleanLine, usageError, writeJson, type Shell } from '../terminal/index.ts';
import { askControl, pathWith } from './ask-control.ts';
import { readPairs } from './read-pairs.ts';
import { readMappingFile } from './read-release-text.ts';

const lineSchema = z.looseObject({
  traffic: z.looseObject({}),
  aliases: z.record(z.string(), z.string()),
  policy: z.looseObject({}),
});

interface SetOptions {
  readonly weights?: string;
  readonly sticky?: string;
  readonly fallback?: string;
  readonly shadow?: string;
  readonly file?: string;
  readonly policy?: string;
  readonly json?: true;
}

/** `plinth traffic show|set` */
export function registerTraffic(program: Command, shell: Shell): void {
  const traffic = program.command('traffic').description('how the requests of a model are spread over its versions');
  const show = traffic
    .command('show')
    .description('weights, rules, fallback and policy of a model')
    .addArgument(new Argument('<model>', 'its name'))
    .option('--json', 'as JSON');
  addConfigFlags(show, ['home']).action(async (model: string, options: { json?: true }) => {
    const answer = await askControl(show, shell, { path: pathWith('/plinth/v1/lines', { model }) });
    const [line] = z.looseObject({ lines: z.array(lineSchema) }).parse(answer).lines;
    writeLine(shell, line, options.json);
  });
  const set = traffic
    .command('set')
    .description('change weights, stickiness, fallback or policy of a model; what is not named stays')
    .addArgument(new Argument('<model>', 'its name'))
    .option('-w, --weights <version=weight,…>', 'shares of versions: 3=95,4=5; none gives all to the highest that is ready')
    .option('--sticky <by>', 'request, caller, conversation or header:<name>')
    .option('--fallback <targets>', 'where requests go that a version cannot answer: 3,@stable,other-model; none for nowhere')
    .option('--shadow <version=share>', 'copies of a share of requests for comparison: 4=0.1; none stops it')
    .option('--policy <policy>', 'which versions stay loaded: latest:2, all, or 3,4')
    .option('-f, --file <file>', 'a traffic policy as YAML or JSON, with rules')
    .option('--json', 'as JSON');
  addConfigFlags(set, ['home']).action(async (model: string, options: SetOptions) => {
    const wanted = readTraffic(options, shell);
    let answer: unknown;
    if (Object.keys(wanted).length > 0)
      answer = await askControl(set, shell, { path: '/plinth/v1/traffic', body: { model, traffic: wanted } });
    if (options.policy !== undefined) {
      const body = { model, policy: readPolicy(options.policy) };
      answer = await askControl(set, shell, { path: '/plinth/v1/policy', body });
    }
    if (answer === undefined) throw usageError('nothing to change was named; plinth traffic set --help shows what there is');
    writeLine(shell, z.looseObject({ line: lineSchema }).parse(answer).line, options.json);
  });
}

function writeLine(shell: Shell, line: z.infer<typeof lineSchema> | undefined, json: true | undefined): void {
  const shown = { policy: line?.policy, aliases: line?.aliases, traffic: line?.traffic };
  if (json) return writeJson(shell, shown);
  shell.out.write(`${stringify(shown).split('\n').map(cleanLine).join('\n')}`);
}

function readTraffic({ weights, sticky, fallback, shadow, file: given }: SetOptions, shell: Shell): Record<string, unknown> {
  const wanted: Record<string, unknown> = given === undefined ? {} : readMappingFile(resolveFileArgument(given, shell.env));
  if (weights !== undefined) wanted['weights'] = weights === 'none' ? {} : readNumbers(weights, 'version=weight');
  if (sticky !== undefined) wanted['sticky'] = readSticky(sticky);
  if (fallback !== undefined) wanted['fallback'] = fallback === 'none' ? [] : fallback.split(',');
  if (shadow !== undefined) wanted['shadow'] = shadow === 'none' ? null : readShadow(shadow);
  return wanted;
}

function readNumbers(text: string, form: string): Record<string, number> {
  const pairs = Object.entries(readPairs(text.split(','), form));
  return Object.fromEntries(
    pairs.map(([version, weight]) => {
      if (!Number.isFinite(Number(weight))) throw usageError(`'${weight}' is no number; expected ${form}`);
      return [version, Number(weight)];
    }),
  );
}

function readSticky(text: string): object {
  const header = /^header:(.+)$/.exec(text)?.[1];
  return header === undefined ? { by: text } : { by: 'header', header };
}

function readShadow(text: string): object {
  const [entry] = Object.entries(readNumbers(text, 'version=share'));
  return { to: entry?.[0], share: entry?.[1] };
}

function readPolicy(text: string): object {
  const latest = /^latest:(\d+)$/.exec(text)?.[1];
  if (latest !== undefined) return { latest: Number(latest) };
  return text === 'all' ? { all: true } : { specific: text.split(',') };
}

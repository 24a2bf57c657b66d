import { Argument, type Command } from 'commander';
import { z } from 'zod';
import { addConfigFlags } from '../config-flags.ts';
import { resolveModelArgument } from '../local/index.ts';
import { formatBytes, formatTable, formatTime, writeJson, type Column, type Shell } from '../terminal/index.ts';
import { askControl, pathWith } from './ask-control.ts';
import { readPairs, readSettings } from './read-pairs.ts';

const versionSchema = z.looseObject({
  version: z.string(),
  source: z.string().optional(),
  state: z.string(),
  reason: z.string().optional(),
  parent: z.string().optional(),
  madeBy: z.string(),
  addedBy: z.string(),
  addedAt: z.number(),
  aliases: z.array(z.string()).optional(),
  weight: z.number().nullable().optional(),
  found: z.looseObject({ engine: z.string(), precision: z.string(), bytes: z.number() }).optional(),
});
const lineSchema = z.looseObject({
  model: z.string(),
  aliases: z.record(z.string(), z.string()),
  versions: z.array(versionSchema),
});
type Version = z.infer<typeof versionSchema>;

interface AddOptions {
  readonly version?: string;
  readonly serve?: true;
  readonly parent?: string;
  readonly madeBy?: string;
  readonly set: readonly string[];
  readonly json?: true;
}

/** `plinth models add|versions|alias`, and the removal of one version. */
export function registerVersions(models: Command, shell: Shell): void {
  registerAdd(models, shell);
  registerList(models, shell);
  registerAlias(models, shell);
}

function registerAdd(models: Command, shell: Shell): void {
  const add = models
    .command('add')
    .description('add a version to a model that is served; it takes no traffic before it is told to')
    .addArgument(new Argument('<model>', 'its name; a new one begins a line of its own'))
    .addArgument(new Argument('[source]', 'catalog name, path or source reference; none for the echo engine'))
    .option('--version <n>', 'its number (default: the next one)')
    .option('--serve', "may take traffic as soon as it has answered, if the line's policy lets it")
    .option('--parent <n>', 'the version that it was made from')
    .option('--made-by <text>', 'how it was made')
    .option('-s, --set <field=value>', 'a field of a configured model: --set slots=4 (repeatable)', collect, [])
    .option('--json', 'as JSON');
  addConfigFlags(add, ['home']).action(async (model: string, source: string | undefined, options: AddOptions) => {
    const { version, serve, parent, madeBy } = options;
    const body = {
      model,
      ...(source !== undefined && { source: resolveModelArgument(source, shell.env) }),
      settings: readSettings(options.set),
      ...(version !== undefined && { version }),
      ...(parent !== undefined && { parent }),
      ...(madeBy !== undefined && { madeBy }),
      serve: serve === true,
    };
    const answer = await askControl(add, shell, { path: '/plinth/v1/versions', body });
    if (options.json) return writeJson(shell, answer);
    const added = z.looseObject({ version: versionSchema, isHeld: z.boolean() }).parse(answer);
    shell.out.write(`Added ${model}:${added.version.version}${added.isHeld ? '; it takes no traffic yet' : ''}.\n`);
    if (added.isHeld)
      shell.err.write(
        `Next: plinth rollout start ${model} --to ${added.version.version}; or give it an alias to try it first: plinth models alias ${model} next=${added.version.version}\n`,
      );
  });
}

function registerList(models: Command, shell: Shell): void {
  const versions = models
    .command('versions')
    .description('the versions of a model that is served, with their aliases, weights and states')
    .addArgument(new Argument('[model]', 'its name (default: every model)'))
    .option('--json', 'as JSON');
  addConfigFlags(versions, ['home']).action(async (model: string | undefined, options: { json?: true }) => {
    const answer = await askControl(versions, shell, { path: pathWith('/plinth/v1/lines', { model }) });
    if (options.json) return writeJson(shell, answer);
    const { lines } = z.looseObject({ lines: z.array(lineSchema) }).parse(answer);
    const rows = lines.flatMap((line) => line.versions.map((version) => ({ ...version, model: line.model })));
    shell.out.write(rows.length === 0 ? 'No versions are recorded.\n' : formatTable(rows, COLUMNS, shell.out));
  });
}

function registerAlias(models: Command, shell: Shell): void {
  const alias = models
    .command('alias')
    .description('point aliases of a model to versions, all at once: plinth models alias chat stable=3 next=4')
    .addArgument(new Argument('<model>', 'its name'))
    .addArgument(new Argument('[alias=version...]', 'what to point where'))
    .option('-r, --remove <alias>', 'take an alias away (repeatable)', collect, [])
    .option('--json', 'as JSON');
  addConfigFlags(alias, ['home']).action(
    async (model: string, pairs: readonly string[], options: { remove: readonly string[]; json?: true }) => {
      const set = readPairs(pairs, 'alias=version');
      const isQuestion = pairs.length + options.remove.length === 0;
      const answer = isQuestion
        ? await askControl(alias, shell, { path: pathWith('/plinth/v1/lines', { model }) })
        : await askControl(alias, shell, { path: '/plinth/v1/aliases', body: { model, set, remove: options.remove } });
      if (options.json) return writeJson(shell, answer);
      const line = isQuestion
        ? z.looseObject({ lines: z.array(lineSchema) }).parse(answer).lines[0]
        : z.looseObject({ line: lineSchema }).parse(answer).line;
      const lines = Object.entries(line?.aliases ?? {}).map(([name, version]) => `${model}@${name} is version ${version}\n`);
      shell.out.write(lines.length === 0 ? `${model} has no aliases.\n` : lines.join(''));
    },
  );
}

/** Takes one version out of its line. Throws `conflict` while something uses it. */
export async function removeVersion(
  command: Command,
  shell: Shell,
  order: { model: string; version: string; force: true | undefined },
) {
  const { model, version, force } = order;
  await askControl(command, shell, { path: '/plinth/v1/versions/remove', body: { model, version, force: force === true } });
  shell.out.write(`Removed ${model}:${version}; its number is not given again.\n`);
}

/** The model and the version of `chat:4`; undefined for a name without a version. */
export function readVersionedName(given: string): { readonly model: string; readonly version: string } | undefined {
  const [, model, version] = /^([A-Za-z0-9][A-Za-z0-9._/-]*):(\d+)$/.exec(given) ?? [];
  return model === undefined || version === undefined ? undefined : { model, version };
}

export function collect(value: string, before: readonly string[]): readonly string[] {
  return [...before, value];
}

type Row = Version & { readonly model: string };

const COLUMNS: ReadonlyArray<Column<Row>> = [
  { title: 'MODEL', isElastic: true, value: (row) => row.model },
  { title: 'VERSION', align: 'right', value: (row) => row.version },
  { title: 'STATE', value: (row) => row.state },
  { title: 'ALIASES', value: (row) => (row.aliases?.length ? row.aliases.join(',') : undefined) },
  { title: 'WEIGHT', align: 'right', value: (row) => row.weight ?? undefined },
  { title: 'PRECISION', isSpare: true, value: (row) => row.found?.precision },
  {
    title: 'SIZE',
    align: 'right',
    isSpare: true,
    value: (row) => (row.found === undefined ? undefined : formatBytes(row.found.bytes)),
  },
  { title: 'ENGINE', isElastic: true, isSpare: true, value: (row) => row.found?.engine },
  { title: 'FROM', align: 'right', isSpare: true, value: (row) => row.parent },
  { title: 'ADDED', isSpare: true, value: (row) => `${formatTime(row.addedAt)} by ${row.addedBy}` },
  { title: 'WHY', isElastic: true, isSpare: true, value: (row) => row.reason },
];

import { Argument, type Command } from 'commander';
import { nearestNames } from '../core/collections/index.ts';
import { PlinthError } from '../core/errors/index.ts';
import type { StoredModel } from '../control/index.ts';
import { addServeFlags } from './commanding/index.ts';
import { addConfigFlags, readConfig } from './config-flags.ts';
import { findServing, withHome, type Home } from './local/index.ts';
import { readVersionedName, registerVersions, removeVersion, showVersion } from './releasing/index.ts';
import { cleanLine, formatBytes, formatTable, formatTime, writeJson, type Column, type Shell } from './terminal/index.ts';

interface Options {
  readonly json?: true;
  readonly force?: true;
}

/** `plinth models ls|show|rm|add|versions|alias` */
export function registerModels(program: Command, shell: Shell): void {
  const models = program.command('models').description('models in the store, and versions of served ones');
  registerList(models, shell);
  registerShow(models, shell);
  registerRemove(models, shell);
  registerVersions(models, shell);
}

function registerList(models: Command, shell: Shell): void {
  const ls = models
    .command('ls')
    .alias('list')
    .description('list models that are stored, and catalog models that are not')
    .option('--json', 'as JSON');
  addConfigFlags(ls, ['home']).action((options: Options) => inHome(ls, shell, (home) => listModels(home, options, shell)));
}

function registerShow(models: Command, shell: Shell): void {
  const show = models
    .command('show')
    .description('everything known of a model, or of a version of it')
    .option('--json', 'as JSON');
  show.addArgument(new Argument('<model>', 'its name, or name:version of one that is served'));
  addServeFlags(show).action(async (name: string, options: Options) => {
    const versioned = readVersionedName(name);
    if (versioned !== undefined) return showVersion(show, shell, { ...versioned, json: options.json });
    await inHome(show, shell, (home) => showModel(home, { ...options, name }, shell));
  });
}

function registerRemove(models: Command, shell: Shell): void {
  const rm = models
    .command('rm')
    .alias('remove')
    .description('forget a model and delete its files, or take a version out of its line')
    .option('-f, --force', 'also while it is served, or has a weight of 0');
  rm.addArgument(new Argument('<model>', 'its name, or name:version of one that is served'));
  addServeFlags(rm).action(async (name: string, options: Options) => {
    const versioned = readVersionedName(name);
    if (versioned !== undefined) return removeVersion(rm, shell, { ...versioned, force: options.force });
    const { config } = readConfig(rm, shell);
    const serving = options.force ? undefined : await findServing(config.home, name);
    if (serving !== undefined) {
      throw new PlinthError({
        code: 'permission_denied',
        message: `${name} is being served at ${serving.url}; stop that first, or add --force`,
      });
    }
    await inHome(rm, shell, (home) => removeModel(home, name, shell));
  });
}

function inHome(command: Command, shell: Shell, use: (home: Home) => Promise<void>): Promise<void> {
  return withHome({ config: readConfig(command, shell).config, env: shell.env }, use);
}

/** What the catalog says of its models, in the words of stored ones. */
async function readCatalog() {
  const { catalog, sourcesOf } = await import('../control/index.ts');
  return catalog.map((entry) => {
    const { name, title, engine, task, bytes, licence } = entry;
    return { name, title, engine, task, bytes, licence, sources: sourcesOf(entry) };
  });
}

interface ListedModel {
  readonly name: string;
  readonly isStored: boolean;
  readonly task: string;
  readonly bytes: number;
  readonly licence?: string;
  readonly source: string;
  readonly addedAt?: number;
}

async function listModels({ store }: Home, options: Options, shell: Shell): Promise<void> {
  const stored: ListedModel[] = (await store.list()).map((model) => ({ ...model, isStored: true }));
  const entries = await readCatalog();
  const names = new Set(stored.map((model) => model.name));
  const others = entries
    .filter((entry) => !names.has(entry.name))
    .map(({ sources, ...facts }) => ({ ...facts, isStored: false, source: sources[0] ?? '' }));
  const all = [...stored, ...others];
  if (options.json) writeJson(shell, all);
  else shell.out.write(formatTable(all, COLUMNS, shell.out));
}

async function showModel({ store }: Home, options: Options & { name: string }, shell: Shell): Promise<void> {
  const model = await store.find(options.name);
  const entry = (await readCatalog()).find((candidate) => candidate.name === options.name);
  if (model === undefined && entry === undefined) throw await unknownModel(store.list(), options.name);
  const facts = { ...entry, ...model, isStored: model !== undefined };
  if (options.json) {
    writeJson(shell, facts);
    return;
  }
  const lines = Object.entries(facts).map(([name, value]) => `${name.padEnd(10)} ${cleanLine(formatFact(name, value))}\n`);
  shell.out.write(lines.join(''));
}

function formatFact(name: string, value: unknown): string {
  if (name === 'bytes' && typeof value === 'number') return `${value} (${formatBytes(value)})`;
  if (name === 'addedAt' && typeof value === 'number') return formatTime(value);
  if (Array.isArray(value)) return value.map((one: unknown) => (hasPath(one) ? one.path : String(one))).join(', ');
  return typeof value === 'boolean' ? (value ? 'yes' : 'no') : String(value);
}

function hasPath(value: unknown): value is { readonly path: string } {
  return typeof value === 'object' && value !== null && 'path' in value && typeof value.path === 'string';
}

async function removeModel({ store }: Home, name: string, shell: Shell): Promise<void> {
  if (!(await store.remove(name))) throw await unknownModel(store.list(), name);
  shell.out.write(`Removed ${cleanLine(name)}.\n`);
}

async function unknownModel(stored: Promise<readonly StoredModel[]>, name: string): Promise<PlinthError> {
  const known = [...(await stored).map((model) => model.name), ...(await readCatalog()).map((entry) => entry.name)];
  const [nearest] = nearestNames(name, known);
  const hint = nearest === undefined ? '`plinth models ls` shows what there is' : `did you mean ${nearest}?`;
  return new PlinthError({ code: 'model_not_found', message: `There is no model ${JSON.stringify(name)} in the store; ${hint}` });
}

const COLUMNS: ReadonlyArray<Column<ListedModel>> = [
  { title: 'NAME', value: (model) => model.name },
  { title: 'TASK', value: (model) => model.task },
  { title: 'SIZE', align: 'right', value: (model) => formatBytes(model.bytes) },
  { title: 'STORED', value: (model) => (model.addedAt === undefined ? 'no' : formatTime(model.addedAt)) },
  { title: 'LICENCE', value: (model) => model.licence },
  { title: 'SOURCE', isElastic: true, value: (model) => model.source },
];

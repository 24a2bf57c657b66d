import { Argument, type Command } from 'commander';
import { z } from 'zod';
import { PlinthError } from '../../core/errors/index.ts';
import { addServeFlags, askControl, collect, pathWith, readPairs } from '../commanding/index.ts';
import { nameCommand } from '../local/index.ts';
import { cleanLine, writeHint, writeJson, type Shell } from '../terminal/index.ts';
import { registerAdd } from './add-version.ts';
import { changedLineSchema, linesSchema, versionSchema } from './line-document.ts';
import { describeVersion, drawVersions } from './version-table.ts';

const LINES = '/plinth/v1/lines';

/** `plinth models add|versions|alias` */
export function registerVersions(models: Command, shell: Shell): void {
  registerAdd(models, shell);
  registerList(models, shell);
  registerAlias(models, shell);
}

function registerList(models: Command, shell: Shell): void {
  const versions = models
    .command('versions')
    .description('the versions of a model that is served, with states, aliases and weights')
    .addArgument(new Argument('[model]', 'its name (default: every model)'))
    .option('--json', 'as JSON');
  addServeFlags(versions).action(async (model: string | undefined, options: { json?: true }) => {
    const answer = await askControl(versions, shell, { path: pathWith(LINES, { model }) });
    if (options.json) return writeJson(shell, answer);
    const rows = linesSchema.parse(answer).lines.flatMap((line) => line.versions);
    shell.out.write(rows.length === 0 ? 'No versions are recorded.\n' : drawVersions(rows, shell.out));
    if (rows.length === 0) writeHint(shell, `Next: ${nameCommand(shell.env)} models add <model> <source>`);
  });
}

function registerAlias(models: Command, shell: Shell): void {
  const alias = models
    .command('alias')
    .description('point aliases of a model to versions, all at once; without any, show them')
    .addArgument(new Argument('<model>', 'its name'))
    .addArgument(new Argument('[alias=version...]', 'what to point where: stable=3 next=4'))
    .option('-r, --remove <alias>', 'take an alias away (repeatable)', collect)
    .option('--json', 'as JSON');
  addServeFlags(alias).action(
    async (model: string, pairs: readonly string[], options: { remove?: readonly string[]; json?: true }) => {
      const { remove = [] } = options;
      const set = readPairs(pairs, 'alias=version');
      const isQuestion = pairs.length + remove.length === 0;
      const answer = isQuestion
        ? await askControl(alias, shell, { path: pathWith(LINES, { model }) })
        : await askControl(alias, shell, { path: '/plinth/v1/aliases', body: { model, set, remove } });
      const line = isQuestion ? linesSchema.parse(answer).lines[0] : changedLineSchema.parse(answer).line;
      const aliases = line?.aliases ?? {};
      if (options.json) return writeJson(shell, aliases);
      const lines = Object.entries(aliases).map(([name, version]) => cleanLine(`${model}@${name} is version ${version}`));
      shell.out.write(lines.length === 0 ? `${cleanLine(model)} has no aliases.\n` : `${lines.join('\n')}\n`);
    },
  );
}

/** A version as it is named on a command line: `chat:4`. */
export interface VersionedName {
  readonly model: string;
  readonly version: string;
}

/** The model and the version of `chat:4`; undefined for a name without a version. */
export function readVersionedName(given: string): VersionedName | undefined {
  const [, model, version] = /^([A-Za-z0-9][A-Za-z0-9._/-]*):(\d+)$/.exec(given) ?? [];
  return model === undefined || version === undefined ? undefined : { model, version };
}

/** Takes one version out of its line. Throws `conflict` while something uses it. */
export async function removeVersion(
  command: Command,
  shell: Shell,
  order: VersionedName & { readonly force: true | undefined },
): Promise<void> {
  const { model, version, force } = order;
  await askControl(command, shell, { path: '/plinth/v1/versions/remove', body: { model, version, force: force === true } });
  shell.out.write(`Removed ${cleanLine(model)}:${version}; its number is not given again.\n`);
}

/** Everything that is recorded of one version, a removed one too. Throws `version_not_found`. */
export async function showVersion(
  command: Command,
  shell: Shell,
  order: VersionedName & { readonly json: true | undefined },
): Promise<void> {
  const { model, version, json } = order;
  const path = pathWith('/plinth/v1/versions', { model });
  const { versions } = z.looseObject({ versions: z.array(versionSchema) }).parse(await askControl(command, shell, { path }));
  const found = versions.find((one) => one.version === version);
  if (found === undefined) {
    const known = versions.filter((one) => one.removedAt === undefined).map((one) => one.version);
    const message = `'${model}' has no version ${version}; it has ${known.join(', ') || 'none'}.`;
    throw new PlinthError({ code: 'version_not_found', message });
  }
  if (json) writeJson(shell, found);
  else shell.out.write(describeVersion(found, shell.out));
}

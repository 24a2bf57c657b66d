import { Argument, type Command } from 'commander';
import { z } from 'zod';
import { PlinthError } from '../../core/errors/index.ts';
import { addServeFlags, askControl, collect, pathWith, readSettings } from '../commanding/index.ts';
import { nameCommand, resolveModelArgument } from '../local/index.ts';
import { cleanLine, usageError, writeHint, writeJson, type Shell } from '../terminal/index.ts';
import { follow } from '../watching/index.ts';
import { lineSchema, linesSchema, versionSchema, type ShownVersion } from './line-document.ts';

interface AddOptions {
  readonly version?: string;
  readonly takeTraffic?: true;
  readonly parent?: string;
  readonly madeBy?: string;
  readonly set?: readonly string[];
  readonly wait?: true;
  readonly json?: true;
}

const addedSchema = z.looseObject({ version: versionSchema, isHeld: z.boolean(), line: lineSchema });
type Added = z.infer<typeof addedSchema>;

/** What wants a version may be a moment behind the answer that it was added. */
const APPEAR_MS = 3_000;

/** `plinth models add` */
export function registerAdd(models: Command, shell: Shell): void {
  const add = models
    .command('add')
    .description('add a version to a model that is served; it takes no traffic before it is told to')
    .addArgument(new Argument('<model>', 'its name; a new one begins a line of its own'))
    .addArgument(new Argument('[source]', 'catalog name, path or source reference; none with --set engine=echo or an upstream'))
    .option('--version <n>', 'its number (default: the next one)')
    .option('--take-traffic', 'may take traffic once it has answered, if the policy of its model lets it')
    .option('--parent <n>', 'the version that it was made from')
    .option('--made-by <text>', 'how it was made')
    .option('-s, --set <field=value>', 'a field of a configured model, such as slots=4 (repeatable)', collect)
    .option('--wait', 'stay until it is loaded; exit status 1 when it cannot be')
    .option('--json', 'as JSON');
  addServeFlags(add).action(async (model: string, source: string | undefined, options: AddOptions) => {
    const body = readBody({ model, source, options }, shell);
    const answer = await askControl(add, shell, { path: '/plinth/v1/versions', body });
    const added = addedSchema.parse(answer);
    if (options.json && !options.wait) return writeJson(shell, answer);
    if (!options.json) shell.out.write(`Added ${nameOf(added.version)}${added.isHeld ? '; it takes no traffic yet' : ''}.\n`);
    if (options.wait) await waitForVersion(add, shell, { added, json: options.json });
    else writeHint(shell, hintAfter(added, nameCommand(shell.env)));
  });
}

function readBody(
  given: { readonly model: string; readonly source: string | undefined; readonly options: AddOptions },
  { env }: Shell,
): object {
  const { model, source, options } = given;
  const { version, parent, madeBy, takeTraffic } = options;
  const settings = readSettings(options.set ?? []);
  if (source === undefined && settings['engine'] === undefined && settings['upstream'] === undefined)
    throw usageError('where the version comes from is missing: a catalog name, a path or a source reference after the model');
  return {
    model,
    ...(source !== undefined && { source: resolveModelArgument(source, env) }),
    settings,
    ...(version !== undefined && { version }),
    ...(parent !== undefined && { parent }),
    ...(madeBy !== undefined && { madeBy }),
    serve: takeTraffic === true,
  };
}

/** What can be done with a version that was just added. */
function hintAfter({ version, isHeld, line }: Added, program: string): string {
  const { model, version: number } = version;
  const alone = line.versions.every((one) => one.version === number);
  if (!isHeld || alone) return `Next: ${program} models versions ${model}   shows when it answers`;
  return [
    `Next: ${program} rollout start ${model} --to ${number}   moves requests to it in steps that are judged`,
    `      ${program} models alias ${model} next=${number}   loads it, to be asked as ${model}@next`,
  ].join('\n');
}

async function waitForVersion(
  command: Command,
  shell: Shell,
  { added, json }: { readonly added: Added; readonly json: true | undefined },
): Promise<void> {
  const { model, version } = added.version;
  const appearBy = performance.now() + APPEAR_MS;
  const read = async () => {
    const { lines } = linesSchema.parse(await askControl(command, shell, { path: pathWith('/plinth/v1/lines', { model }) }));
    const found = lines[0]?.versions.find((one) => one.version === version);
    if (found !== undefined) return found;
    throw new PlinthError({ code: 'version_not_found', message: `${model}:${version} was removed while it was waited for.` });
  };
  const last = await follow(
    shell,
    {
      read,
      hasEnded: (found) => hasSettled(found) || (!isWanted(found) && performance.now() > appearBy),
      draw: (found) => `${describeWait(found)}\n`,
      describe: describeWait,
      stageOf: (found) => `${found.state} ${isWanted(found)}`,
    },
    'err',
  );
  if (last !== undefined) reportEnd(last, { shell, added, json });
}

function hasSettled({ state }: ShownVersion): boolean {
  return state === 'ready' || state === 'failed';
}

function isWanted({ why, state }: ShownVersion): boolean {
  return why !== undefined || state !== 'unloaded';
}

function reportEnd(
  last: ShownVersion,
  { shell, added, json }: { readonly shell: Shell; readonly added: Added; readonly json: true | undefined },
): void {
  if (last.state === 'failed') process.exitCode = 1;
  if (json) return writeJson(shell, last);
  if (last.state === 'ready') shell.out.write(`${nameOf(last)} is loaded and has answered.\n`);
  else if (last.state === 'failed')
    shell.out.write(`${nameOf(last)} cannot be loaded: ${cleanLine(last.reason ?? 'no reason is known')}\n`);
  else
    shell.out.write(
      `Nothing asks for ${nameOf(last)} to be loaded: it has no alias, no weight and no rollout, and the policy of its model leaves it out.\n`,
    );
  if (last.state !== 'failed') writeHint(shell, hintAfter(added, nameCommand(shell.env)));
}

function describeWait(found: ShownVersion): string {
  const { state, isSwapping, why, reason } = found;
  const words = state === 'unloaded' && isWanted(found) ? 'waits to be loaded' : `is ${state}`;
  const more = [why, isSwapping === true ? 'others make room for it' : undefined, reason].filter((one) => one !== undefined);
  return cleanLine(`${nameOf(found)} ${words}${more.length > 0 ? ` (${more.join('; ')})` : ''}`);
}

function nameOf({ model, version }: ShownVersion): string {
  return cleanLine(`${model}:${version}`);
}

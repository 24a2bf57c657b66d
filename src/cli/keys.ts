import { setTimeout as sleep } from 'node:timers/promises';
import { Argument, type Command } from 'commander';
import { nearestNames } from '../core/collections/index.ts';
import { PlinthError } from '../core/errors/index.ts';
import type { KeyFacts } from '../control/index.ts';
import { addConfigFlags, readConfig } from './config-flags.ts';
import { listRunning, withHome, type Home } from './local/index.ts';
import { formatTable, formatTime, writeJson, type Column, type Shell } from './terminal/index.ts';

interface CreateOptions {
  readonly label: string;
  readonly admin?: true;
  readonly json?: true;
}

/** `plinth keys create|list|revoke` */
export function registerKeys(program: Command, shell: Shell): void {
  const keys = program.command('keys').description('create, list and revoke API keys');
  const create = keys.command('create').description('make a key; it is printed once and cannot be had again');
  create
    .option('-l, --label <text>', 'what it is for', '')
    .option('--admin', 'also opens the management port')
    .option('--json', 'as JSON');
  addConfigFlags(create, ['home']).action((options: CreateOptions) =>
    changeKeys(create, shell, (home) => createKey(home, options, shell)),
  );
  const list = keys.command('list').alias('ls').description('list keys (never the keys themselves)').option('--json', 'as JSON');
  addConfigFlags(list, ['home']).action((options: { json?: true }) =>
    inHome(list, shell, async ({ keyring }) => {
      const facts = await keyring.list();
      if (options.json) writeJson(shell, facts);
      else
        shell.out.write(
          facts.length === 0
            ? 'There are no keys yet; `plinth keys create` makes one.\n'
            : formatTable(facts, COLUMNS, shell.out),
        );
    }),
  );
  const revoke = keys.command('revoke').description('make a key useless, in running servers too');
  revoke.addArgument(new Argument('<id>', 'its id, as `plinth keys list` shows it'));
  addConfigFlags(revoke, ['home']).action((id: string) => changeKeys(revoke, shell, (home) => revokeKey(home, id, shell)));
}

function inHome(command: Command, shell: Shell, use: (home: Home) => Promise<void>): Promise<void> {
  return withHome({ config: readConfig(command, shell).config, env: shell.env }, use);
}

/** Ends when running servers go by the change as well, so that a new key can be used, and a revoked one cannot, from here on. */
function changeKeys(command: Command, shell: Shell, change: (home: Home) => Promise<void>): Promise<void> {
  const { config } = readConfig(command, shell);
  return withHome({ config, env: shell.env }, async (home) => {
    await change(home);
    if (listRunning(config.home).length > 0) await sleep(home.keyring.seenWithinMs);
  });
}

async function createKey({ keyring }: Home, options: CreateOptions, shell: Shell): Promise<void> {
  const role = options.admin ? 'admin' : 'inference';
  const made = await keyring.create({ label: options.label, role });
  if (options.json) {
    writeJson(shell, { ...made, role, label: options.label });
    return;
  }
  // The key alone goes to standard output, so that KEY=$(plinth keys create) works.
  shell.err.write(`Key ${made.id} (${role}), shown once:\n`);
  shell.out.write(`${made.key}\n`);
}

async function revokeKey({ keyring }: Home, given: string, shell: Shell): Promise<void> {
  // Someone who has only the key at hand may give it whole; only its id is used.
  const id = /^plk_([a-z0-9]+)_/.exec(given)?.[1] ?? given;
  if (await keyring.revoke(id)) {
    shell.out.write(`Revoked ${id}.\n`);
    return;
  }
  const known = await keyring.list();
  const found = known.find((facts) => facts.id === id);
  if (found !== undefined) throw new PlinthError({ code: 'not_found', message: `The key ${id} was revoked before.` });
  const [nearest] = nearestNames(
    id,
    known.map((facts) => facts.id),
  );
  const hint = nearest === undefined ? '`plinth keys list` shows them' : `did you mean ${nearest}?`;
  throw new PlinthError({ code: 'not_found', message: `There is no key ${JSON.stringify(id)}; ${hint}` });
}

const COLUMNS: ReadonlyArray<Column<KeyFacts>> = [
  { title: 'ID', value: (key) => key.id },
  { title: 'LABEL', isElastic: true, value: (key) => (key.label === '' ? undefined : key.label) },
  { title: 'ROLE', value: (key) => key.role },
  { title: 'CREATED', isSpare: true, value: (key) => formatTime(key.createdAt) },
  { title: 'LAST USED', isSpare: true, value: (key) => (key.lastUsedAt === undefined ? undefined : formatTime(key.lastUsedAt)) },
  { title: 'STATE', value: (key) => (key.revokedAt === undefined ? 'usable' : `revoked ${formatTime(key.revokedAt)}`) },
];

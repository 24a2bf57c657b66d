import type { Command } from 'commander';
import { stringify } from 'yaml';
import { configFields, formatSource, type Config, type LoadedConfig } from '../core/config/index.ts';
import { PlinthError } from '../core/errors/index.ts';
import { addConfigFlags, readConfig } from './config-flags.ts';
import { readDatabaseUrl } from './local/index.ts';
import { usageError, writeJson, type Shell } from './terminal/index.ts';

/** `plinth config check|print` */
export function registerConfig(program: Command, shell: Shell): void {
  const config = program.command('config').description('check or print the configuration');
  const check = config.command('check').description('say whether the configuration is usable (exit status 2 when not)');
  addConfigFlags(check).action(async () => {
    const { config: checked, file } = readConfig(check, shell);
    const book = await describeBook(checked, shell);
    shell.out.write(`The configuration is usable (${file ?? 'no file; defaults, variables and flags only'}).\n${book}`);
  });
  const print = config.command('print').description('print every field as it is in force, with where it came from');
  print.option('--json', 'as one JSON object, without sources');
  addConfigFlags(print).action((options: { json?: true }) => {
    const loaded = readConfig(print, shell);
    if (options.json) writeJson(shell, loaded.config);
    else shell.out.write(formatConfig(loaded, notesOn(loaded.config, shell)));
  });
}

/** Where the book is; the address of a database is checked as far as that can be done from here, and never told. */
async function describeBook(config: Config, shell: Shell): Promise<string> {
  try {
    const databaseUrl = readDatabaseUrl(config, shell.env);
    if (databaseUrl === undefined) return '';
    const { checkDatabaseUrl } = await import('../control/index.ts');
    await checkDatabaseUrl(databaseUrl);
    return `The book is in the PostgreSQL database that ${config.book.urlVariable} names.\n`;
  } catch (error) {
    throw error instanceof PlinthError ? usageError(`The configuration is not usable: ${error.message}`) : error;
  }
}

/** What there is to say of fields beside their values, by key. */
function notesOn({ book }: Config, { env }: Shell): ReadonlyMap<string, readonly string[]> {
  return new Map(env[book.urlVariable] ? [['book.urlVariable', ['is set: the book is in that database']]] : []);
}

/** The configuration as a `plinth.yaml` that can be used as it is; comments name the sources. */
function formatConfig({ config, sources }: LoadedConfig, notes: ReadonlyMap<string, readonly string[]>): string {
  const document: Record<string, unknown> = { ...config };
  const lines = stringify(document).trimEnd().split('\n');
  let section = '';
  const annotated = lines.map((line) => {
    const match = /^( *)([A-Za-z]+):/.exec(line);
    if (match === null) return line;
    const [, indent, name] = match;
    if (indent === '') section = name ?? '';
    const key = indent === '' ? section : `${section}.${name}`;
    const source = configFields.some((field) => field.key === key) ? sources.get(key) : undefined;
    const told = source === undefined || source.type === 'default' ? [] : [formatSource(source)];
    const comment = [...told, ...(notes.get(key) ?? [])].join('; ');
    return comment === '' ? line : `${line}  # ${comment}`;
  });
  return `${annotated.join('\n')}\n`;
}

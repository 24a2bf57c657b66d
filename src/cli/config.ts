import type { Command } from 'commander';
import { stringify } from 'yaml';
import { configFields, formatSource, type LoadedConfig } from '../core/config/index.ts';
import { addConfigFlags, readConfig } from './config-flags.ts';
import { writeJson, type Shell } from './terminal/index.ts';

/** `plinth config check|print` */
export function registerConfig(program: Command, shell: Shell): void {
  const config = program.command('config').description('check or print the configuration');
  const check = config.command('check').description('say whether the configuration is usable (exit status 2 when not)');
  addConfigFlags(check).action(() => {
    const { file } = readConfig(check, shell);
    shell.out.write(`The configuration is usable (${file ?? 'no file; defaults, variables and flags only'}).\n`);
  });
  const print = config.command('print').description('print every field as it is in force, with where it came from');
  print.option('--json', 'as one JSON object, without sources');
  addConfigFlags(print).action((options: { json?: true }) => {
    const loaded = readConfig(print, shell);
    if (options.json) writeJson(shell, loaded.config);
    else shell.out.write(formatConfig(loaded));
  });
}

/** The configuration as a `plinth.yaml` that can be used as it is; comments name the sources. */
function formatConfig({ config, sources }: LoadedConfig): string {
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
    return source === undefined || source.type === 'default' ? line : `${line}  # ${formatSource(source)}`;
  });
  return `${annotated.join('\n')}\n`;
}

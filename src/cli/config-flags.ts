import { Option, type Command } from 'commander';
import { configFields, loadConfig, type ConfigField, type LoadedConfig } from '../core/config/index.ts';
import { PlinthError } from '../core/errors/index.ts';
import { usageError, type Shell } from './terminal/index.ts';

type FlagValue = string | boolean | readonly string[];

/** Gives a command `--config` and the flags of the fields it uses (all of them when none are named). */
export function addConfigFlags(command: Command, keys?: readonly string[]): Command {
  const fields = keys === undefined ? configFields : configFields.filter((field) => keys.includes(field.key));
  command.addOption(
    new Option('-c, --config <file>', 'configuration file (default: plinth.yaml here, then in the home)').helpGroup(GROUP),
  );
  for (const field of fields) for (const option of optionsOf(field)) command.addOption(option);
  return command;
}

const GROUP = 'Configuration:';

function optionsOf(field: ConfigField): Option[] {
  const help = `${field.description}${describeDefault(field.defaultValue)}`;
  if (field.kind !== 'boolean') return [new Option(`--${field.flag} <${placeholderOf(field)}>`, help).helpGroup(GROUP)];
  return [new Option(`--${field.flag}`, help).helpGroup(GROUP), new Option(`--no-${field.flag}`).hideHelp()];
}

function placeholderOf(field: ConfigField): string {
  if (field.kind === 'list') return 'a,b';
  if (field.expectation.startsWith('one of ')) return field.expectation.slice('one of '.length).replaceAll(', ', '|');
  return field.kind === 'number' ? 'n' : 'text';
}

function describeDefault(value: unknown): string {
  if (value === undefined || (Array.isArray(value) && value.length === 0)) return '';
  return ` (default: ${Array.isArray(value) ? value.join(',') : String(value)})`;
}

export interface ConfigOverrides {
  /** Models named as arguments; they replace configured ones. */
  readonly models?: readonly string[];
}

/** Reads the configuration with the flags that the command was given. Throws a usage error that lists every problem. */
export function readConfig(command: Command, shell: Shell, overrides: ConfigOverrides = {}): LoadedConfig {
  const options = command.opts<Record<string, FlagValue | undefined>>();
  const flags: Record<string, FlagValue | undefined> = {};
  for (const field of configFields) flags[field.flag] = options[new Option(`--${field.flag}`).attributeName()];
  if (overrides.models !== undefined && overrides.models.length > 0) flags['models'] = overrides.models;
  const file = options['config'];
  try {
    return loadConfig({ flags, env: shell.env, ...(typeof file === 'string' ? { file } : {}) });
  } catch (error) {
    throw error instanceof PlinthError ? usageError(error.message) : error;
  }
}

import { existsSync } from 'node:fs';
import { homedir } from 'node:os';
import { join, resolve } from 'node:path';
import { PlinthError } from '../errors/index.ts';
import { configFields } from './config-fields.ts';
import { describeProblem, readAt, writeAt, type ConfigLayer, type ConfigProblem, type ConfigTree } from './config-layer.ts';
import type { ConfigSource } from './config-source.ts';
import { findProblems } from './find-problems.ts';
import { readConfigFile } from './read-config-file.ts';
import { readEnvironment, readFlags, type FlagValue } from './read-named-values.ts';
import { configSchema, type Config } from './schema.ts';

/** The sources that a configuration is read from. */
export interface ConfigInput {
  /** Values of flags by their names without dashes. */
  readonly flags?: Readonly<Record<string, FlagValue | undefined>>;
  readonly env: Readonly<Record<string, string | undefined>>;
  /** The file given by `--config`; it must exist. */
  readonly file?: string;
  /** Where `plinth.yaml` is looked for; the working directory when absent. */
  readonly directory?: string;
}

/** A configuration in force. */
export interface LoadedConfig {
  /** Complete and checked; `home` is absolute. */
  readonly config: Config;
  /** Where each field's value came from, by key: `limits.bodyBytes`. */
  readonly sources: ReadonlyMap<string, ConfigSource>;
  /** The file that was read, if any. */
  readonly file?: string;
}

/**
 * The configuration: defaults < file < `PLINTH_*` variables < flags. The file is `--config`, else `PLINTH_CONFIG`, else
 * `plinth.yaml` in the working directory, else the one in the home. Throws one `invalid_request` that lists every problem.
 */
export function loadConfig(input: ConfigInput): LoadedConfig {
  const environment = readEnvironment(input.env);
  const flags = readFlags(input.flags ?? {});
  const file = findFile(input, [flags.layer, environment.layer]);
  const given = file === undefined ? [] : [readConfigFile(file)];
  const layers = [...given, environment.layer, flags.layer];
  const values = mergeLayers(layers);
  const sourceOf = (path: readonly string[]): ConfigSource =>
    layers.findLast((layer) => readAt(layer.values, path) !== undefined)?.sourceOf(path) ?? { type: 'default' };
  const parsed = configSchema.safeParse(values);
  const refused = parsed.success
    ? []
    : findProblems({ values, issues: parsed.error.issues, sourceOf: sourceOrNearest(sourceOf) });
  const named = parsed.success ? variablesNamedIn(parsed.data) : [];
  const unknown = environment.problems.filter(({ key, source }) => {
    return key !== '' || source.type !== 'variable' || !named.includes(source.name);
  });
  refuseProblems([...unknown, ...flags.problems, ...refused]);
  const config = expandPaths(configSchema.parse(values));
  const sources = new Map(configFields.map((field) => [field.key, sourceOf(field.path)]));
  return file === undefined ? { config, sources } : { config, sources, file };
}

/** Variables with secrets, which the configuration calls by names of the user's choice. */
function variablesNamedIn({ book, models }: Config): readonly string[] {
  const keys = models.flatMap((model) => (typeof model === 'string' ? [] : (model.upstream?.keyVariable ?? [])));
  return [book.urlVariable, ...keys];
}

/** A field that is missing has no place of its own; the mapping that lacks it has, or the fields that are there in it. */
function sourceOrNearest(sourceOf: (path: readonly string[]) => ConfigSource): (path: readonly string[]) => ConfigSource {
  return (path) => {
    const within = configFields.filter((field) => path.every((name, i) => field.path[i] === name)).map((field) => field.path);
    const outwards = path.map((_, i) => path.slice(0, path.length - i));
    const sources = [...outwards, ...within].map(sourceOf);
    return sources.find((source) => source.type !== 'default') ?? { type: 'default' };
  };
}

function findFile(input: ConfigInput, layers: readonly ConfigLayer[]): string | undefined {
  const named = input.file ?? (input.env['PLINTH_CONFIG'] || undefined);
  if (named !== undefined) return expandHome(named);
  const given = layers.map((layer) => layer.values['home']).find((value) => typeof value === 'string');
  const home = expandHome(typeof given === 'string' ? given : configSchema.shape.home.parse(undefined));
  return [resolve(input.directory ?? '.', 'plinth.yaml'), join(home, 'plinth.yaml')].find((path) => existsSync(path));
}

function mergeLayers(layers: readonly ConfigLayer[]): ConfigTree {
  const [first, ...rest] = layers;
  const merged: ConfigTree = structuredClone(first?.values ?? {});
  for (const layer of rest) {
    for (const field of configFields) {
      const value = readAt(layer.values, field.path);
      if (value !== undefined) writeAt(merged, field.path, value);
    }
  }
  return merged;
}

function refuseProblems(problems: readonly ConfigProblem[]): void {
  const [first, ...rest] = problems;
  if (first === undefined) return;
  const message =
    rest.length === 0
      ? `The configuration is not usable: ${describeProblem(first)}`
      : ['The configuration is not usable:', ...problems.map((problem) => `  ${describeProblem(problem)}`)].join('\n');
  throw new PlinthError({ code: 'invalid_request', message, ...(first.key === '' ? {} : { param: first.key }) });
}

function expandPaths(config: Config): Config {
  const { certFile, keyFile } = config.tls;
  return {
    ...config,
    home: expandHome(config.home),
    tls: {
      ...(certFile === undefined ? {} : { certFile: expandHome(certFile) }),
      ...(keyFile === undefined ? {} : { keyFile: expandHome(keyFile) }),
    },
  };
}

/** `~` and `~/…` mean the user's own directory, as in a shell; the result is absolute. */
function expandHome(path: string): string {
  return resolve(path === '~' || path.startsWith('~/') ? join(homedir(), path.slice(1)) : path);
}

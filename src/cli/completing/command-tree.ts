import type { Command } from 'commander';

/** One command as completion sees it. */
export interface CommandEntry {
  /** Words after `plinth`; empty for the program itself. */
  readonly path: readonly string[];
  readonly description: string;
  readonly flags: readonly FlagEntry[];
  readonly subcommands: readonly CommandEntry[];
  /** Words that the first argument may be. */
  readonly choices: readonly string[];
  readonly takesFiles: boolean;
}

export interface FlagEntry {
  /** `--port` */
  readonly name: string;
  readonly description: string;
  readonly takesValue: boolean;
}

export function readCommandTree(command: Command, path: readonly string[] = []): CommandEntry {
  return {
    path,
    description: firstLine(command.description()),
    flags: [
      ...command.options
        .filter((option) => !option.hidden && option.long !== undefined)
        .map((option) => ({
          name: option.long ?? '',
          description: firstLine(option.description),
          takesValue: option.required || option.optional,
        })),
      { name: '--help', description: 'print the help', takesValue: false },
    ],
    subcommands: command.commands.map((child) => readCommandTree(child, [...path, child.name()])),
    choices: command.registeredArguments[0]?.argChoices ?? [],
    takesFiles: command.registeredArguments.some(({ description }) => /\b(file|path)s?\b/.test(description)),
  };
}

/** The entry and all below it. */
export function listEntries(entry: CommandEntry): CommandEntry[] {
  return [entry, ...entry.subcommands.flatMap(listEntries)];
}

function firstLine(text: string): string {
  return text.split('\n')[0] ?? '';
}

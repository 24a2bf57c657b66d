import type { Command } from 'commander';
import { listEntries, readCommandTree, type CommandEntry } from './command-tree.ts';

export type CompletionShell = 'bash' | 'zsh' | 'fish';

/** The script that completes commands, flags and model files in a shell. Reads nothing at completion time. */
export function formatCompletion(program: Command, shell: CompletionShell): string {
  const root = readCommandTree(program);
  const name = program.name();
  if (shell === 'fish') return formatFish(name, root);
  return shell === 'bash' ? formatBash(name, root) : formatZsh(name, root);
}

function wordsOf(entry: CommandEntry): string {
  return [
    ...entry.subcommands.map((child) => child.path.at(-1) ?? ''),
    ...entry.choices,
    ...entry.flags.map((flag) => flag.name),
  ].join(' ');
}

function formatPaths(root: CommandEntry): string {
  const paths = listEntries(root).filter((entry) => entry.path.length > 0);
  return paths.map((entry) => `'${entry.path.join(' ')}'`).join('|');
}

/** The longest known command path among the words so far picks what may come next. */
function formatBash(name: string, root: CommandEntry): string {
  const cases = listEntries(root).map((entry) => `    '${entry.path.join(' ')}') words='${wordsOf(entry)}';;`);
  return `_${name}() {
  local current="\${COMP_WORDS[COMP_CWORD]}" path='' next words='' i
  for ((i = 1; i < COMP_CWORD; i++)); do
    next="\${path:+$path }\${COMP_WORDS[i]}"
    case "$next" in
      ${formatPaths(root)}) path="$next";;
    esac
  done
  case "$path" in
${cases.join('\n')}
  esac
  COMPREPLY=($(compgen -W "$words" -- "$current"))
}
complete -o default -F _${name} ${name}
`;
}

function formatZsh(name: string, root: CommandEntry): string {
  const entries = listEntries(root);
  const filePaths = entries.filter((entry) => entry.takesFiles).map((entry) => `'${entry.path.join(' ')}'`);
  const cases = entries.map((entry) => `    '${entry.path.join(' ')}') candidates=(${wordsOf(entry)});;`);
  return `#compdef ${name}
_${name}() {
  local chosen='' next i
  local -a candidates
  for ((i = 2; i < CURRENT; i++)); do
    next="\${chosen:+$chosen }\${words[i]}"
    case "$next" in
      ${formatPaths(root)}) chosen="$next";;
    esac
  done
  case "$chosen" in
${cases.join('\n')}
  esac
  compadd -a candidates
  case "$chosen" in
    ${filePaths.join('|')}) _files;;
  esac
}
compdef _${name} ${name}
`;
}

function formatFish(name: string, root: CommandEntry): string {
  const lines = listEntries(root).flatMap((entry) => {
    const condition = fishCondition(entry);
    const commands = entry.subcommands.map(
      (child) => `complete -c ${name} -f -n "${condition}" -a ${child.path.at(-1)} -d ${quote(child.description)}`,
    );
    const choices = entry.choices.map((choice) => `complete -c ${name} -f -n "${condition}" -a ${choice}`);
    const flags = entry.flags.map(
      (flag) =>
        `complete -c ${name} -n "${condition}" -l ${flag.name.slice(2)}${flag.takesValue ? ' -r' : ''} -d ${quote(flag.description)}`,
    );
    return [...commands, ...choices, ...flags];
  });
  return `${lines.join('\n')}\n`;
}

function fishCondition(entry: CommandEntry): string {
  if (entry.path.length === 0) return '__fish_use_subcommand';
  const seen = entry.path.map((word) => `__fish_seen_subcommand_from ${word}`);
  const below = entry.subcommands.map((child) => child.path.at(-1)).join(' ');
  return [...seen, ...(below === '' ? [] : [`not __fish_seen_subcommand_from ${below}`])].join('; and ');
}

function quote(text: string): string {
  return `'${text.replaceAll('\\', '\\\\').replaceAll("'", "\\'")}'`;
}

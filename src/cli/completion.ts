import { Argument, type Command } from 'commander';
import { formatCompletion, type CompletionShell } from './completing/index.ts';
import type { Shell } from './terminal/index.ts';

const SHELLS: readonly CompletionShell[] = ['bash', 'zsh', 'fish'];

/** `plinth completion bash|zsh|fish` */
export function registerCompletion(program: Command, shell: Shell): void {
  program
    .command('completion')
    .description('print the completion script of a shell')
    .addArgument(new Argument('<shell>', 'which shell').choices(SHELLS))
    .addHelpText(
      'after',
      '\nbash: source <(plinth completion bash)\nzsh:  source <(plinth completion zsh)\nfish: plinth completion fish | source',
    )
    .action((name: CompletionShell) => shell.out.write(formatCompletion(program, name)));
}

import type { Command } from 'commander';
import type { Shell } from './terminal/index.ts';

export function registerDoctor(program: Command, shell: Shell): void {
  program.command('doctor').action(() => shell.out.write('todo'));
}

import type { Command } from 'commander';
import type { Shell } from '../terminal/index.ts';
import { registerAudit } from './audit.ts';
import { registerCaptures } from './captures.ts';
import { registerWhy } from './why.ts';

/** `plinth why`, `plinth audit`, `plinth captures`: what is known afterwards. */
export function registerReceipts(program: Command, shell: Shell): void {
  registerWhy(program, shell);
  registerAudit(program, shell);
  registerCaptures(program, shell);
}

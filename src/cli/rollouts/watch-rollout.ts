import type { Command } from 'commander';
import { askControl } from '../commanding/index.ts';
import { writeJson, type Shell } from '../terminal/index.ts';
import { follow } from '../watching/index.ts';
import { rolloutSchema, type ShownRollout } from './rollout-document.ts';
import { describeMove, drawRollout } from './rollout-picture.ts';
import { hasStopped } from './step-line.ts';

/** How a rollout is shown. */
export interface ShowOptions {
  readonly json?: true;
  readonly all?: true;
}

const FAILED = 1;

/** Where the management port shows a rollout, by its id or by its model. */
export function rolloutPath(name: string, verb = ''): string {
  return `/plinth/v1/rollouts/${encodeURIComponent(name)}${verb === '' ? '' : `/${verb}`}`;
}

/** Writes a rollout as it is. */
export function writeRollout(shell: Shell, rollout: ShownRollout, { json, all }: ShowOptions): void {
  if (json) writeJson(shell, rollout);
  else shell.out.write(drawRollout(rollout, shell.out, { now: Date.now(), ...(all && { withOff: true }) }));
}

/** Follows a rollout to its end. Exit status 0 when it is promoted, 1 when it ended otherwise, 130 when the watching was interrupted. */
export async function watchRollout(
  command: Command,
  shell: Shell,
  { name, ...options }: ShowOptions & { readonly name: string },
): Promise<void> {
  const stream = options.json ? 'err' : 'out';
  const ended = await follow(
    shell,
    {
      read: async () => rolloutSchema.parse(await askControl(command, shell, { path: rolloutPath(name) })),
      hasEnded: ({ isRunning }) => !isRunning,
      draw: (rollout) => drawRollout(rollout, shell[stream], { now: Date.now(), ...(options.all && { withOff: true }) }),
      describe: describeMove,
      stageOf: ({ id, state, percent, paused }) => JSON.stringify([id, state, percent, paused]),
    },
    stream,
  );
  if (ended === undefined) return;
  writeRollout(shell, ended, options);
  if (hasStopped(ended)) process.exitCode = FAILED;
}

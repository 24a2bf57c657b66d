import type { IncomingMessage } from 'node:http';
import type { Command } from 'commander';
import { PlinthError } from '../../core/errors/index.ts';
import { readConfig } from '../config-flags.ts';
import { fetchLocal, listRunning, requestLocal, type RunningServe } from '../local/index.ts';
import type { Shell } from '../terminal/index.ts';

/** What is asked of the serve of this home over its management port: GET without a body, POST with one. */
export interface ControlRequest {
  readonly path: string;
  readonly body?: object;
}

/** Asks; throws the serve's own errors, and `model_not_ready` when nothing is served from this home. */
export function askControl(command: Command, shell: Shell, request: ControlRequest): Promise<unknown> {
  return fetchLocal({ running: findRunning(command, shell), port: 'management', ...request });
}

/** As {@link askControl}, for answers that come line by line. */
export function openControl(command: Command, shell: Shell, request: ControlRequest): Promise<IncomingMessage> {
  return requestLocal({ running: findRunning(command, shell), port: 'management', ...request });
}

/** A path with the parameters that are there. */
export function pathWith(path: string, parameters: Readonly<Record<string, string | number | undefined>>): string {
  const query = new URLSearchParams();
  for (const [name, value] of Object.entries(parameters)) if (value !== undefined) query.set(name, String(value));
  return query.size === 0 ? path : `${path}?${query.toString()}`;
}

function findRunning(command: Command, shell: Shell): RunningServe {
  const { home } = readConfig(command, shell).config;
  const [running] = listRunning(home);
  if (running !== undefined) return running;
  const message = `Nothing is served from ${home}, and versions are kept by a running serve; \`plinth serve\` starts it.`;
  throw new PlinthError({ code: 'model_not_ready', message });
}

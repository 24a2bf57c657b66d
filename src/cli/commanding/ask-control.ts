import type { IncomingMessage } from 'node:http';
import { Option, type Command } from 'commander';
import { PlinthError } from '../../core/errors/index.ts';
import { addConfigFlags, readConfig } from '../config-flags.ts';
import { fetchLocal, listRunning, requestLocal, type ServeAddress } from '../local/index.ts';
import { usageError, type Shell } from '../terminal/index.ts';
import { chooseServe } from './choose-serve.ts';
import { readRemoteServe } from './remote-serve.ts';

/** What is asked of a serve over its management port: GET without a body, POST with one. */
export interface ControlRequest {
  readonly path: string;
  readonly body?: object;
}

const GROUP = 'Which serve:';

/** The flags that name the serve which a command is for; the only one of this home when none is given. */
export function addServeFlags(command: Command): Command {
  command.addOption(new Option('--serve <port>', 'the serve of this home with that port').helpGroup(GROUP));
  command.addOption(
    new Option(
      '--management-url <url>',
      'a serve elsewhere, with the key in PLINTH_ADMIN_KEY (or PLINTH_MANAGEMENT_URL)',
    ).helpGroup(GROUP),
  );
  return addConfigFlags(command, ['home']);
}

/** Asks the serve that is meant; throws its own errors, `model_not_ready` when it cannot be reached, a usage error when several run and none is named. */
export function askControl(command: Command, shell: Shell, request: ControlRequest): Promise<unknown> {
  return fetchLocal({ running: findServe(command, shell), port: 'management', ...request });
}

/** As {@link askControl}, for answers that come line by line. */
export function openControl(command: Command, shell: Shell, request: ControlRequest): Promise<IncomingMessage> {
  return requestLocal({ running: findServe(command, shell), port: 'management', ...request });
}

/** The serves that a command may be for: the one that is named, else all of this home. Throws `model_not_ready` when there is none. */
export function listServes(command: Command, shell: Shell): readonly ServeAddress[] {
  const running = readRemote(command, shell) === undefined ? listRunning(readConfig(command, shell).config.home) : [];
  return running.length > 1 && readPort(command) === undefined ? running : [findServe(command, shell)];
}

function findServe(command: Command, shell: Shell): ServeAddress {
  const remote = readRemote(command, shell);
  if (remote !== undefined) return remote;
  const { home } = readConfig(command, shell).config;
  const wanted = readPort(command);
  const choice = chooseServe({ home, running: listRunning(home), ...(wanted !== undefined && { wanted }) });
  if ('running' in choice) return choice.running;
  if (choice.problem === 'several') throw usageError(choice.words);
  throw new PlinthError({ code: 'model_not_ready', message: choice.words });
}

/** A flag wins over the variable, which a profile may have set for good. */
function readRemote(command: Command, shell: Shell): ServeAddress | undefined {
  const { managementUrl, serve } = command.opts<{ managementUrl?: string; serve?: string }>();
  if (managementUrl !== undefined && serve !== undefined) throw usageError('--serve and --management-url exclude each other');
  if (managementUrl !== undefined) return readRemoteServe({ url: managementUrl, from: '--management-url' }, shell);
  const variable = shell.env['PLINTH_MANAGEMENT_URL'];
  if (!variable || serve !== undefined) return undefined;
  return readRemoteServe({ url: variable, from: 'PLINTH_MANAGEMENT_URL' }, shell);
}

function readPort(command: Command): number | undefined {
  const { serve } = command.opts<{ serve?: string }>();
  if (serve === undefined) return undefined;
  const port = Number(serve);
  if (!/^\d+$/.test(serve) || port < 1 || port > 65_535)
    throw usageError(`--serve: expected a port from 1 to 65535, got '${serve}'`);
  return port;
}

/** A path with the parameters that are there. */
export function pathWith(path: string, parameters: Readonly<Record<string, string | number | undefined>>): string {
  const query = new URLSearchParams();
  for (const [name, value] of Object.entries(parameters)) if (value !== undefined) query.set(name, String(value));
  return query.size === 0 ? path : `${path}?${query.toString()}`;
}

import type { Command } from 'commander';
import type { Config } from '../core/config/index.ts';
import { errorFactsOf } from '../core/errors/index.ts';
import { isServing } from '../core/messages/index.ts';
import type { ModelFacts } from '../core/models/index.ts';
import { createLogger, type Logger } from '../core/telemetry/index.ts';
import type { Control, ControlEvent, Keyring } from '../control/index.ts';
import { addConfigFlags, readConfig } from './config-flags.ts';
import { nameCommand, openHome, resolveModelArgument, writeRunFile } from './local/index.ts';
import { chooseCurl, formatBanner, openRooms, reportStart, Shutdown, type Rooms } from './serving/index.ts';
import { formatLogLine, openStatusLine, type Shell, type StatusLine } from './terminal/index.ts';

/** `plinth serve [model|path]…` */
export function registerServe(program: Command, shell: Shell): void {
  const serve = program
    .command('serve')
    .description('serve models until it is stopped')
    .argument(
      '[models...]',
      'catalog names, paths to .gguf or .onnx files or to folders of models, or source references (default: those of the configuration)',
    );
  addConfigFlags(serve).action(async (given: string[]) => {
    const models = given.map((model) => resolveModelArgument(model, shell.env));
    const { config } = readConfig(serve, shell, { models });
    await runServe(config, shell, program.version());
  });
}

/** Resolves when the banner is out; the process lives on until a signal ends it. */
async function runServe(config: Config, shell: Shell, version: string | undefined): Promise<void> {
  const startedAtMs = performance.now();
  // Lines that are no JSON stay out of a log that is read by machines.
  const status = openStatusLine(shell.err.isInteractive ? shell.err : shell.out);
  const logger = openLog(config, shell, status);
  const { drainMs } = config.limits;
  const shutdown = new Shutdown({ drainMs, logger, followsParent: shell.env['npm_lifecycle_event'] !== undefined });
  const home = await openHome({ config, env: shell.env, logger });
  const lost = new Set<string>();
  const showStart = reportStart(status);
  const observer = (event: ControlEvent): void => {
    if (event.type === 'model-failed' && event.retryInMs === undefined) lost.add(event.model);
    showStart(event);
  };
  const onDrainRequested = () => shutdown.drain('asked over the management port');
  const rooms = await openRooms({
    config,
    logger,
    ...home,
    observer,
    onDrainRequested,
    ...(version !== undefined && { version }),
  });
  const { control, gateway, token } = rooms;
  const address = { url: reachableUrl(gateway), managementUrl: control.managementUrl };
  const end = async (limitMs: number) => {
    await rooms.drain(limitMs);
    await home.close();
  };
  const grpcAddress = reachableAddress(gateway);
  const release = await orElse(
    () => writeRunFile(config.home, { ...address, grpcAddress, pid: process.pid, token }),
    () => end(0),
  );
  shutdown.attach({ ...rooms, drain: end, release });
  logger.info({ ...address, grpcAddress }, 'listening; models are loading');
  const models = await waitForModels(control);
  status.clear();
  if (shutdown.hasBegun) return;
  const { modelNames } = control;
  if (modelNames.length > 0 && modelNames.every((name) => lost.has(name))) shutdown.fail(describeLoss(models));
  else
    await announce({
      config,
      keyring: home.keyring,
      address,
      grpcAddress,
      models,
      shell,
      startMs: performance.now() - startedAtMs,
    });
}

/** The value, or what it threw once `undo` has put things back. */
async function orElse<T>(produce: () => T, undo: () => Promise<void>): Promise<T> {
  try {
    return produce();
  } catch (error) {
    await undo();
    throw error;
  }
}

/** Pretty on a terminal, JSON lines elsewhere; both on standard error. */
function openLog(config: Config, shell: Shell, status: StatusLine): Logger {
  const { level, format } = config.log;
  const isPretty = format === 'pretty' || (format === 'auto' && shell.err.isInteractive);
  if (!isPretty) return createLogger({ level });
  return createLogger({ level, destination: { write: (line) => status.writeAbove(formatLogLine(line, shell.err)) } });
}

interface ModelOutcome {
  readonly name: string;
  readonly version?: string;
  /** Its facts when it is ready, else why it is not. */
  readonly outcome: ModelFacts | string;
}

/** Waits until each model has been tried, and then for the first that answers, or until all have failed for good. */
async function waitForModels(control: Control): Promise<readonly ModelOutcome[]> {
  await control.whenSettled();
  await Promise.any(control.modelNames.map((name) => control.whenReady(name))).catch(() => undefined);
  const outcomes = control.current().models.map((model): ModelOutcome => {
    const { name, version, facts, failure } = model;
    return { name, version, outcome: isServing(model) && facts !== undefined ? facts : (failure ?? 'still loading') };
  });
  const unread = control.modelNames.flatMap((name): readonly ModelOutcome[] => {
    const failure = control.failureOf(name);
    return failure === undefined ? [] : [{ name, outcome: failure }];
  });
  return [...outcomes, ...unread];
}

function describeLoss(models: readonly ModelOutcome[]): string {
  const reasons = models.map(({ name, outcome }) => `${name}: ${typeof outcome === 'string' ? outcome : 'ready'}`);
  return ['No model can be served.', ...reasons].join('\n  ');
}

interface Announcement {
  readonly config: Config;
  readonly keyring: Keyring;
  readonly address: { readonly url: string; readonly managementUrl: string };
  readonly grpcAddress: string | undefined;
  readonly models: readonly ModelOutcome[];
  readonly shell: Shell;
  readonly startMs: number;
}

async function announce({ config, keyring, address, grpcAddress, models, shell, startMs }: Announcement): Promise<void> {
  const key = await chooseKey(keyring, shell);
  const { certFile } = config.tls;
  const trust = certFile === undefined ? {} : { certFile };
  const curls = models.flatMap(({ name, outcome }) =>
    typeof outcome === 'string' ? [] : [chooseCurl({ ...address, ...trust, model: name, ...outcome, key: key.value })],
  );
  const curl = curls[0] === undefined ? {} : { curl: curls[0] };
  shell.out.write(formatBanner({ ...address, grpcAddress, models, key: key.text, startMs, ...curl }, shell.out));
}

/** An address that listens everywhere is reached on this machine through loopback. */
function reachableUrl({ url, host, port }: Rooms['gateway']): string {
  return isEverywhere(host) ? `${new URL(url).protocol}//127.0.0.1:${port}` : url;
}

function reachableAddress({ grpcAddress, host }: Rooms['gateway']): string | undefined {
  return isEverywhere(host) ? grpcAddress?.replace(/^.*:/, '127.0.0.1:') : grpcAddress;
}

function isEverywhere(host: string): boolean {
  return host === '0.0.0.0' || host === '::';
}

/**
 * The first boot makes its key only now, when it can be shown: one that was made earlier would be lost to the user if the start were
 * interrupted.
 */
async function chooseKey(keyring: Keyring, shell: Shell): Promise<{ value: string; text: string }> {
  const variable = '$PLINTH_API_KEY';
  if (shell.env['PLINTH_API_KEY']) return { value: variable, text: `${variable}, from the environment` };
  const create = `${nameCommand(shell.env)} keys create`;
  if (!keyring.isEmpty('inference'))
    return { value: variable, text: `an existing one (${variable} below); \`${create}\` makes another` };
  try {
    const { key } = await keyring.create({ label: 'first boot', role: 'inference' });
    return { value: key, text: `${key}  shown once; \`${create}\` makes another` };
  } catch (error) {
    if (errorFactsOf(error).code !== 'model_unavailable') throw error;
    return { value: variable, text: `none, and the book cannot be written now; \`${create}\` makes one when it can` };
  }
}

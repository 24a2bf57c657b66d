import type { Command } from 'commander';
import type { Config } from '../core/config/index.ts';
import { errorFactsOf } from '../core/errors/index.ts';
import type { ModelFacts } from '../core/models/index.ts';
import { createLogger, type Logger } from '../core/telemetry/index.ts';
import type { Control, Keyring } from '../control/index.ts';
import { addConfigFlags, readConfig } from './config-flags.ts';
import { nameCommand, openHome, resolveModelArgument, writeRunFile } from './local/index.ts';
import { chooseCurl, formatBanner, openRooms, reportStart, Shutdown, type Rooms } from './serving/index.ts';
import { formatLogLine, openStatusLine, type Shell, type StatusLine } from './terminal/index.ts';

/** `plinth serve [model|path]…` */
export function registerServe(program: Command, shell: Shell): void {
  const serve = program
    .command('serve')
    .description('serve models until it is stopped')
    .argument('[models...]', 'catalog names, paths to .gguf files or source references (default: those of the configuration)');
  addConfigFlags(serve).action(async (given: string[]) => {
    const models = given.map((model) => resolveModelArgument(model, shell.env));
    const { config } = readConfig(serve, shell, { models });
    await runServe(config, shell);
  });
}

/** Resolves when the banner is out; the process lives on until a signal ends it. */
async function runServe(config: Config, shell: Shell): Promise<void> {
  const startedAtMs = performance.now();
  const status = openStatusLine(shell.err);
  const logger = openLog(config, shell, status);
  const { drainMs } = config.limits;
  const shutdown = new Shutdown({ drainMs, logger, followsParent: shell.env['npm_lifecycle_event'] !== undefined });
  const home = await openHome({ config, env: shell.env, logger });
  const onDrainRequested = () => shutdown.drain('asked over the management port');
  const rooms = await openRooms({ config, logger, ...home, observer: reportStart(status), onDrainRequested });
  const { control, gateway, token } = rooms;
  const address = { url: gateway.url, managementUrl: control.managementUrl };
  const removeRunFile = writeRunFile(config.home, { ...address, pid: process.pid, token });
  shutdown.attach({ ...rooms, release: removeRunFile });
  logger.info(address, 'listening; models are loading');
  await control.whenSettled();
  status.clear();
  if (shutdown.hasBegun) return;
  await announce({ config, keyring: home.keyring, rooms, shell, startMs: performance.now() - startedAtMs });
}

/** Pretty on a terminal, JSON lines elsewhere; both on standard error. */
function openLog(config: Config, shell: Shell, status: StatusLine): Logger {
  const { level, format } = config.log;
  const isPretty = format === 'pretty' || (format === 'auto' && shell.err.isInteractive);
  if (!isPretty) return createLogger({ level });
  return createLogger({ level, destination: { write: (line) => status.writeAbove(formatLogLine(line, shell.err)) } });
}

interface Announcement {
  readonly config: Config;
  readonly keyring: Keyring;
  readonly rooms: Rooms;
  readonly shell: Shell;
  readonly startMs: number;
}

async function announce({ config, keyring, rooms, shell, startMs }: Announcement): Promise<void> {
  const { url } = rooms.gateway;
  const models = await readOutcomes(rooms.control);
  const key = await chooseKey(keyring, shell);
  const { certFile } = config.tls;
  const ready = models.find((model) => typeof model.outcome !== 'string');
  const curl =
    ready === undefined || typeof ready.outcome === 'string'
      ? {}
      : {
          curl: chooseCurl({
            url,
            model: ready.name,
            capabilities: ready.outcome.capabilities,
            key: key.value,
            ...(certFile === undefined ? {} : { certFile }),
          }),
        };
  shell.out.write(
    formatBanner({ url, managementUrl: rooms.control.managementUrl, models, key: key.text, startMs, ...curl }, shell.out),
  );
}

async function readOutcomes(control: Control): Promise<ReadonlyArray<{ name: string; outcome: ModelFacts | string }>> {
  const settled = await Promise.allSettled(control.modelNames.map((name) => control.whenReady(name)));
  return settled.map((result, i) => ({
    name: control.modelNames[i] ?? '',
    outcome: result.status === 'fulfilled' ? result.value : errorFactsOf(result.reason).message,
  }));
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
  const { key } = await keyring.create({ label: 'first boot', role: 'inference' });
  return { value: key, text: `${key}  shown once; \`${create}\` makes another` };
}

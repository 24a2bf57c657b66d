/** A program with nothing but a control room and one echo model: prints its replica's process id when ready, then waits to be killed. */
import { startControl } from '../../src/control/index.ts';
import { configSchema } from '../../src/core/config/index.ts';
import { createLogger, createMetrics } from '../../src/core/telemetry/index.ts';

const home = process.argv[2];
if (home === undefined) throw new Error('usage: lone-control.ts <home>');
const control = await startControl({
  config: configSchema.parse({ home, managementPort: 0, models: [{ name: 'echo', engine: 'echo' }] }),
  store: {
    obtain: async () => {
      throw new Error('an echo model needs no file');
    },
    list: async () => [],
    find: async () => undefined,
    remove: async () => false,
  },
  keyring: { verify: () => undefined },
  metrics: createMetrics(),
  logger: createLogger({ level: 'warn' }),
  localToken: 'unused',
  onDrainRequested: () => undefined,
});
await control.whenReady('echo');
process.stdout.write(`${control.replicas()[0]?.pid}\n`);

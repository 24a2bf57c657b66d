import { randomBytes } from 'node:crypto';
import { setFlagsFromString } from 'node:v8';
import type { Config } from '../../core/config/index.ts';
import type { InferenceEvent } from '../../core/inference/index.ts';
import { createMetrics, type Logger } from '../../core/telemetry/index.ts';
import type { Control, ControlObserver, ControlOptions, Keyring, ModelStore } from '../../control/index.ts';
import type { Gateway } from '../../gateway/index.ts';
import { acceptLocalToken } from './accept-local-token.ts';

export interface RoomOptions {
  readonly config: Config;
  readonly keyring: Keyring;
  readonly store: ModelStore;
  readonly book: ControlOptions['book'];
  readonly logger: Logger;
  readonly observer: ControlObserver;
  readonly onDrainRequested: () => void;
  /** The product's own, as protocols tell it. */
  readonly version?: string;
}

/** The two rooms of a serve, wired together and listening. */
export interface Rooms {
  readonly control: Control;
  readonly gateway: Gateway;
  /** Opens both ports until this process ends. */
  readonly token: string;
  /** Lets begun answers finish for at most `drainMs`, then ends everything. */
  drain(drainMs: number): Promise<void>;
  /** Ends the replicas at once, for a process that is about to exit. */
  killReplicas(): void;
}

/** Opens both ports; models load meanwhile. The rooms' code is loaded only now: `plinth --help` has no use for it. Throws PlinthError when a port cannot be had. */
export async function openRooms(options: RoomOptions): Promise<Rooms> {
  const { config, logger, observer, store, onDrainRequested } = options;
  // Requests under way at a collection make V8 place the objects of all later ones in its old generation: a third more time per request.
  setFlagsFromString('--no-allocation-site-pretenuring');
  const [{ startControl }, { startGateway }] = await Promise.all([
    import('../../control/index.ts'),
    import('../../gateway/index.ts'),
  ]);
  const token = randomBytes(32).toString('base64url');
  const metrics = createMetrics();
  const keys = acceptLocalToken(options.keyring, token);
  let gateway: Gateway | undefined;
  const control = await startControl({
    config,
    store,
    book: options.book,
    inference: { infer: (request, signal) => gateway?.infer(request, signal) ?? notServing() },
    receipts: { find: (requestId) => gateway?.receipts.find(requestId) },
    keyring: keys,
    metrics,
    logger,
    localToken: token,
    onDrainRequested,
    observer,
  });
  try {
    const hasKeys = () => !options.keyring.isEmpty('inference');
    const { repository } = control;
    const version = options.version === undefined ? {} : { version: options.version };
    const { evidence } = control;
    const opened = await startGateway({
      config,
      snapshots: control,
      keys,
      metrics,
      logger,
      hasKeys,
      repository,
      evidence,
      ...version,
    });
    gateway = opened;
    return {
      control,
      gateway: opened,
      token,
      drain: async (drainMs) => {
        control.beginDrain();
        await opened.drain(drainMs);
        await control.stop();
      },
      killReplicas: () => killReplicas(control),
    };
  } catch (error) {
    await control.stop();
    throw error;
  }
}

async function* notServing(): AsyncGenerator<InferenceEvent> {
  yield await Promise.resolve({ type: 'failed', error: { code: 'draining', message: 'The gateway is not open.' } });
}

function killReplicas(control: Control): void {
  for (const { pid } of control.replicas()) {
    if (pid === undefined) continue;
    try {
      process.kill(pid, 'SIGKILL');
    } catch {
      // It had ended by itself.
    }
  }
}

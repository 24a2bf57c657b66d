import { setImmediate as nextTurn } from 'node:timers/promises';
import type { ReplicaProgress } from '../core/messages/index.ts';
import type { ModelFacts, ModelSpec } from '../core/models/index.ts';
import { openIntake, type EventSink, type Intake } from './intake/index.ts';
import { openLoop } from './open-loop.ts';
import type { ReplicaLoop } from './replica-loop.ts';

/** How often a loop with nothing runnable looks at the deadlines of what waits. */
const WAITING_MS = 100;
const IDLE_MS = 60_000;

/** One loaded replica, taking requests on its socket. */
export interface Worker {
  readonly facts: ModelFacts;
  progress(): ReplicaProgress;
  /** Makes the engine answer once, through the ordinary loop. */
  probe(): Promise<boolean>;
  /** Stops the loop and lets go of socket and engine. */
  close(): Promise<void>;
}

/** Builds the room: loads the engine, opens the socket, starts the loop. Throws PlinthError when the model cannot be loaded. */
export async function startWorker(spec: ModelSpec, socketPath: string): Promise<Worker> {
  const runner = await openLoop(spec);
  const intake = await openIntake(socketPath, runner);
  const stopping = new AbortController();
  const loop = keepRunning({ runner, intake, stopping: stopping.signal });
  return {
    facts: runner.facts,
    progress: () => runner.progress(),
    probe: () => probe(runner),
    close: async () => {
      stopping.abort();
      runner.wakeUp();
      await loop;
      intake.close();
      runner.close();
    },
  };
}

interface Loop {
  readonly runner: ReplicaLoop;
  readonly intake: Intake;
  readonly stopping: AbortSignal;
}

async function keepRunning({ runner, intake, stopping }: Loop): Promise<void> {
  while (!stopping.aborted) {
    if (intake.isReceiving && runner.gatherMs) await gather(runner, intake);
    const hasMore = runner.turn();
    intake.flush();
    if (hasMore) await nextTurn();
    else await runner.arrival(runner.isIdle ? IDLE_MS : WAITING_MS);
  }
}

/** Large messages come in many pieces: without this a batch would start with the one that happens to be whole. */
async function gather(runner: ReplicaLoop, intake: Intake): Promise<void> {
  const startedAt = performance.now();
  while (intake.isReceiving && performance.now() - startedAt < (runner.gatherMs ?? 0)) await nextTurn();
}

function probe(runner: ReplicaLoop): Promise<boolean> {
  return new Promise((resolve) => {
    const sink: EventSink = {
      emit: (event) => {
        if (event.type === 'finished') resolve(true);
        if (event.type === 'failed') resolve(false);
      },
    };
    runner.accept({ request: runner.probeRequest(), delivery: 'whole' }, sink);
  });
}

import { setImmediate as nextTurn } from 'node:timers/promises';
import { greedySampling, type InferenceRequest } from '../core/inference/index.ts';
import type { ReplicaProgress } from '../core/messages/index.ts';
import type { ModelFacts, ModelSpec } from '../core/models/index.ts';
import { openEngine } from './engines/index.ts';
import { openIntake, type EventSink } from './intake/index.ts';
import { Runner } from './runner.ts';

/** How often a loop with nothing runnable looks at the deadlines of what waits. */
const WAITING_MS = 100;
const IDLE_MS = 60_000;
const PROBE_MS = 60_000;

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
  const engine = await openEngine(spec);
  const runner = new Runner(engine, spec);
  const intake = await openIntake(socketPath, runner);
  const stopping = new AbortController();
  const loop = keepRunning({ runner, flush: () => intake.flush(), stopping: stopping.signal });
  return {
    facts: engine.facts,
    progress: () => runner.progress(),
    probe: () => probe(runner, probeRequest(spec.name, engine.facts)),
    close: async () => {
      stopping.abort();
      runner.wakeUp();
      await loop;
      intake.close();
      engine.close();
    },
  };
}

interface Loop {
  readonly runner: Runner;
  readonly flush: () => void;
  readonly stopping: AbortSignal;
}

async function keepRunning({ runner, flush, stopping }: Loop): Promise<void> {
  while (!stopping.aborted) {
    const hasMore = runner.turn();
    flush();
    if (hasMore) await nextTurn();
    else await runner.arrival(runner.isIdle ? IDLE_MS : WAITING_MS);
  }
}

function probe(runner: Runner, request: InferenceRequest): Promise<boolean> {
  return new Promise((resolve) => {
    const sink: EventSink = {
      emit: (event) => {
        if (event.type === 'finished') resolve(true);
        if (event.type === 'failed') resolve(false);
      },
    };
    runner.accept({ request, delivery: 'whole' }, sink);
  });
}

function probeRequest(model: string, facts: ModelFacts): InferenceRequest {
  const call = { id: 'probe', model, timeLeftMs: PROBE_MS };
  const prompt = { type: 'text', text: 'Hello' } as const;
  if (!facts.capabilities.includes('completion')) return { kind: 'embed', ...call, inputs: [prompt] };
  return {
    kind: 'generate',
    ...call,
    prompts: [prompt],
    choiceCount: 1,
    sampling: greedySampling,
    maxTokens: 1,
    stop: [],
    constraint: { type: 'text' },
    echoesPrompt: false,
    ignoresEnd: false,
  };
}

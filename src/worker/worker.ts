import { setImmediate as nextTurn } from 'node:timers/promises';
import type { InferenceRequest } from '../core/inference/index.ts';
import type { ReplicaProgress } from '../core/messages/index.ts';
import type { ModelFacts, ModelSpec } from '../core/models/index.ts';
import { openEngine } from './engines/index.ts';
import { openIntake } from './intake/index.ts';
import { Runner } from './runner.ts';

/** How often a loop with nothing runnable looks at deadlines. */
const IDLE_MS = 100;
const PROBE_MS = 60_000;

/** One loaded replica, taking requests on its socket. */
export interface Worker {
  readonly facts: ModelFacts;
  progress(): ReplicaProgress;
  /** Makes the engine answer once, through the ordinary loop. */
  probe(): Promise<boolean>;
}

/** Builds the room: loads the engine, opens the socket, starts the loop. Throws PlinthError when the model cannot be loaded. */
export async function startWorker(spec: ModelSpec, socketPath: string): Promise<Worker> {
  const engine = await openEngine(spec);
  const runner = new Runner(engine, spec);
  const intake = await openIntake(socketPath, runner);
  void keepRunning(runner, () => intake.flush());
  return {
    facts: engine.facts,
    progress: () => runner.progress(),
    probe: () => probe(runner, probeRequest(spec.name, engine.facts)),
  };
}

async function keepRunning(runner: Runner, flush: () => void): Promise<never> {
  for (;;) {
    const hasMore = runner.turn();
    flush();
    if (hasMore) await nextTurn();
    else await runner.arrival(runner.isIdle ? 60_000 : IDLE_MS);
  }
}

function probe(runner: Runner, request: InferenceRequest): Promise<boolean> {
  return new Promise((resolve) => {
    runner.accept(request, {
      emit: (event) => {
        if (event.type === 'finished') resolve(true);
        if (event.type === 'failed') resolve(false);
      },
    });
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
    sampling: {
      temperature: 0,
      topP: 1,
      topK: 0,
      minP: 0,
      seed: 1,
      presencePenalty: 0,
      frequencyPenalty: 0,
      repeatPenalty: 1,
      logitBias: [],
    },
    maxTokens: 1,
    stop: [],
    constraint: { type: 'text' },
    echoesPrompt: false,
    ignoresEnd: false,
  };
}

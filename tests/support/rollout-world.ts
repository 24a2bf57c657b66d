import { setImmediate as nextTurn } from 'node:timers/promises';
import { PlinthError } from '../../src/core/errors/index.ts';
import type { Observation, SampledAnswer, ShadowComparison } from '../../src/core/messages/index.ts';
import type { ReleaseRecords, RolloutRecord, VersionRecord } from '../../src/core/records/index.ts';
import {
  chooseRolloutTraffic,
  isRunning,
  readPlan,
  type RolloutEngine,
  type RolloutEngineOptions,
} from '../../src/control/rollouts/index.ts';

/** How a scripted version behaves. */
export interface ScriptedVersion {
  /** Why it does not load. */
  readonly refuses?: string;
  /** Share of requests that fail. */
  readonly failing?: number;
  /** 1 as quick as the other, 2 takes twice as long. */
  readonly slowness?: number;
  /** Likeness of its answers to the current version's, 0…1. */
  readonly likeness?: number;
  /** Whether it answers golden questions as expected. */
  readonly isGolden?: boolean;
}

export const MODEL = 'chat';

type Assessor = RolloutEngineOptions['assessor'];
type GoldenOrder = Parameters<Assessor['askGolden']>[0];
type ComparisonScores = NonNullable<Awaited<ReturnType<Assessor['assess']>>>;
type GoldenResult = ReturnType<Assessor['askGolden']> extends AsyncIterable<infer Result> ? Result : never;

/** A model `chat` whose versions are made up: what they do is drawn from a seed, everything else is the real thing. */
export class RolloutWorld {
  readonly versions: Record<string, ScriptedVersion>;
  /** Versions that do not answer at the moment. */
  readonly gone = new Set<string>();
  readonly loads: string[] = [];
  readonly #draw: () => number;
  #requests = 0;

  constructor(versions: Record<string, ScriptedVersion>, seed = 1) {
    this.versions = versions;
    this.#draw = drawFrom(seed);
  }

  /** What an engine needs of a process. */
  ports(): Pick<RolloutEngineOptions, 'fleet' | 'assessor'> {
    return {
      fleet: {
        ensureLoaded: (model, version) => this.#load(model, version),
        isServing: (_model, version) => this.loads.includes(`${MODEL}:${version}`) && !this.gone.has(version),
      },
      assessor: {
        assess: (comparison) => Promise.resolve(this.#score(comparison)),
        askGolden: (order) => this.#askGolden(order),
      },
    };
  }

  random(): number {
    return this.#draw();
  }

  /** `count` callers ask; the engine hears of it as it would from a gateway. Gives the versions that answered. */
  askMany(engine: RolloutEngine, rollout: RolloutRecord, count: number): readonly string[] {
    const { arms, shadow } = chooseRolloutTraffic(rollout, readPlan(rollout.plan));
    const total = arms.reduce((sum, { weight }) => sum + weight, 0);
    return Array.from({ length: count }, () => {
      let point = this.random() * total;
      const arm = arms.find(({ weight }) => (point -= weight) < 0) ?? arms[0];
      if (arm === undefined) throw new Error('a rollout without arms');
      engine.observe(this.#observation(rollout, arm));
      if (shadow !== undefined && arm.name === 'current') engine.compare(this.#comparison(rollout));
      return arm.version;
    });
  }

  async #load(model: string, version: string): Promise<void> {
    const refusal = this.versions[version]?.refuses;
    if (refusal !== undefined) throw new PlinthError({ code: 'invalid_model_file', message: refusal });
    await nextTurn();
    this.loads.push(`${model}:${version}`);
  }

  #score({ candidate, current }: ShadowComparison): ComparisonScores | undefined {
    if (candidate.outcome !== 'ok' || current.outcome !== 'ok') return undefined;
    const scored = (likeness: number) => ({
      exact: false,
      normalised: false,
      similarity: Math.min(1, Math.max(0, likeness + 0.05 * (this.random() - 0.5))),
    });
    return { candidate: scored(this.versions[candidate.version]?.likeness ?? 0.9), reference: scored(0.9) };
  }

  async *#askGolden({ questions, candidate, signal }: GoldenOrder): AsyncGenerator<GoldenResult> {
    for (const question of questions.keys()) {
      if (signal.aborted) return;
      await nextTurn();
      yield { question, current: true, candidate: this.versions[candidate]?.isGolden ?? true };
    }
  }

  #observation(rollout: RolloutRecord, arm: { readonly name: string; readonly version: string }): Observation {
    const { events: _, ...answer } = this.#answer(arm.version);
    const requestId = `req-${++this.#requests}`;
    return {
      ...answer,
      requestId,
      keyId: 'k',
      model: rollout.model,
      arm: arm.name,
      purpose: { kind: 'rollout', id: rollout.id },
      unit: `unit-${this.#requests % 50}`,
      at: Date.now(),
      promptTokens: 10,
      completionTokens: 20,
    };
  }

  #comparison(rollout: RolloutRecord): ShadowComparison {
    const { model, baseline, candidate } = rollout;
    return {
      requestId: `req-${this.#requests}`,
      model,
      purpose: { kind: 'rollout', id: rollout.id },
      request: {
        kind: 'embed',
        id: `req-${this.#requests}`,
        model,
        inputs: [{ type: 'text', text: 'a secret' }],
        timeLeftMs: 1_000,
      },
      current: this.#answer(baseline),
      reference: this.#answer(baseline),
      candidate: this.#answer(candidate),
    };
  }

  #answer(version: string): SampledAnswer {
    const { failing = 0, slowness = 1 } = this.versions[version] ?? {};
    const firstTokenMs = 50 * slowness * (0.9 + 0.2 * this.random());
    const times = { totalMs: 4 * firstTokenMs, firstTokenMs, gapMs: firstTokenMs / 5, isRefusal: false };
    if (this.random() < failing) return { version, ...times, outcome: 'failed', failure: 'engine_failed', events: [] };
    return {
      version,
      ...times,
      outcome: 'ok',
      events: [{ type: 'text-delta', choice: 0, text: 'a secret' }] as SampledAnswer['events'],
    };
  }
}

/** Numbers between 0 and 1 from a seed, unlike those of the seed beside it: mulberry32. */
export function drawFrom(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** Puts versions of the model into a book. */
export async function addVersions(book: ReleaseRecords, versions: readonly string[]): Promise<void> {
  for (const version of versions) {
    const record: VersionRecord = {
      model: MODEL,
      version,
      settings: { engine: 'echo' },
      madeBy: 'added',
      addedBy: 'local',
      addedAt: 1,
    };
    await book.change({
      addVersion: record,
      audit: { actor: 'local', action: 'version.added', subject: `${MODEL}:${version}`, detail: {} },
    });
  }
}

/** The rollout that runs, or ended last. */
export async function newestRollout(book: ReleaseRecords): Promise<RolloutRecord | undefined> {
  const { rollouts } = await book.readReleases();
  return rollouts.find(isRunning) ?? rollouts[0];
}

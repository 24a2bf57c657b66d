import { rmSync } from 'node:fs';
import { PlinthError, type ErrorFacts } from '../../core/errors/index.ts';
import type { FromReplica, ReplicaState } from '../../core/messages/index.ts';
import type { ModelFacts, ModelSpec } from '../../core/models/index.ts';
import type { Logger } from '../../core/telemetry/index.ts';
import { checkMemory, chooseHealthAction, type HealthAction } from './choose-health-action.ts';
import { NO_PROGRESS, ProgressWatch } from './progress-watch.ts';
import { MemoryWatch, ProcessorWait, ReplicaProcess } from './processes/index.ts';
import type { ReplacementReason } from './replica-report.ts';

/** How long the two parts of a start may take. */
export interface ReplicaTimes {
  readonly loadTimeoutMs: number;
  /** From `loaded` to the first answer, which may have to read the whole file from the disk. */
  readonly firstAnswerTimeoutMs: number;
}

/** How a replica came to its end. */
export interface ReplicaEnd {
  readonly reason: ReplacementReason;
  readonly detail: string;
  /** How long it had been ready; 0 when it never was. */
  readonly healthyMs: number;
  /** What the worker said when it could not load. */
  readonly error?: ErrorFacts;
}

/** A replica that has answered a probe and that gateways do not know yet. */
export interface WarmingReplica {
  readonly id: string;
  readonly socketPath: string;
  readonly slots: number;
}

export interface ReplicaOptions {
  readonly id: string;
  readonly spec: ModelSpec;
  readonly socketPath: string;
  readonly workerPath: string;
  readonly times: ReplicaTimes;
  readonly logger: Logger;
  /**
   * Called once, after the first answer: the replica counts as ready when this has resolved and, where it has run any requests, the
   * replica has answered once more. It sees to a limit of its own and gives the number of requests.
   */
  readonly warmUp?: ((replica: WarmingReplica) => Promise<number>) | undefined;
  /** On the clock that ticks are given in. */
  readonly nowMs: () => number;
  /** Its state has just changed. */
  readonly onStateChanged: () => void;
  /** Called once, when the process is gone. */
  readonly onEnded: (end: ReplicaEnd) => void;
}

type Verdict = Omit<ReplicaEnd, 'healthyMs'>;

type ProbeResult = Extract<FromReplica, { type: 'probed' }>;

const LOST_PING_MS = 1_000;
const TOLERATED_PROBES = 2;
const SILENT_MS = 500;

/** One process with one loaded model, from its start to its end: loading → ready → failed or unloaded. Never comes back. */
export class Replica {
  readonly #options: ReplicaOptions;
  readonly #process: ReplicaProcess;
  readonly #startedAtMs: number;
  #state: ReplicaState = 'loading';
  #sinceUnixMs = Date.now();
  #facts: ModelFacts | undefined;
  #watch: ProgressWatch | undefined;
  #loadedAtMs: number | undefined;
  #warmth: 'cold' | 'warming' | 'warm' = 'cold';
  #readyAtMs: number | undefined;
  #verdict: Verdict | undefined;
  #sequence = 0;
  #pingSentAtMs: number | undefined;
  #idlePongs = 0;
  #probe: { readonly sequence: number; readonly sentAtMs: number } | undefined;
  #failedProbes = 0;
  readonly #processorWait = new ProcessorWait();
  readonly #memory = new MemoryWatch(() => this.#judgeMemory());

  constructor(options: ReplicaOptions) {
    this.#options = options;
    this.#startedAtMs = options.nowMs();
    this.#process = new ReplicaProcess({
      workerPath: options.workerPath,
      onMessage: (message) => this.#receive(message),
      onEnded: (detail) => this.#end(detail),
    });
    this.#process.send({ type: 'load', spec: options.spec, socketPath: options.socketPath });
  }

  get id(): string {
    return this.#options.id;
  }

  get socketPath(): string {
    return this.#options.socketPath;
  }

  get pid(): number | undefined {
    return this.#process.pid;
  }

  get state(): ReplicaState {
    return this.#state;
  }

  get sinceUnixMs(): number {
    return this.#sinceUnixMs;
  }

  /** Present from `loaded` on. */
  get facts(): ModelFacts | undefined {
    return this.#facts;
  }

  get rssBytes(): number {
    return this.#memory.bytes;
  }

  get progress(): ProgressWatch['progress'] {
    return this.#watch?.progress ?? NO_PROGRESS;
  }

  /** How many pongs in a row have said that it holds no work. */
  get idlePongs(): number {
    return this.#idlePongs;
  }

  /** Begins to count idle pongs anew. */
  forgetIdleness(): void {
    this.#idlePongs = 0;
  }

  /** From the start of the process to its first answer. */
  get loadMs(): number {
    return (this.#readyAtMs ?? this.#options.nowMs()) - this.#startedAtMs;
  }

  /** Looks after it; to be called about every 250 ms. */
  tick(nowMs: number): void {
    if (this.#state !== 'loading' && this.#state !== 'ready') return;
    if (this.pid !== undefined) this.#memory.poll(this.pid, nowMs);
    const watch = this.#watch;
    if (watch === undefined) return this.#act(this.#checkLoad(nowMs), nowMs);
    if (this.#pingSentAtMs === undefined || nowMs - this.#pingSentAtMs >= LOST_PING_MS) {
      this.#pingSentAtMs = nowMs;
      this.#process.send({ type: 'ping', sequence: ++this.#sequence });
    }
    if (this.pid !== undefined && nowMs - watch.lastPongAtMs > SILENT_MS) this.#processorWait.poll(this.pid);
    this.#act(this.#judge(watch, nowMs), nowMs);
  }

  /** Ends it on purpose; `onEnded` follows. */
  stop(): void {
    if (this.#state !== 'failed') this.#enter('unloaded');
    this.#process.terminate();
  }

  #receive(message: FromReplica): void {
    if (this.#state === 'failed' || this.#state === 'unloaded') return;
    const nowMs = this.#options.nowMs();
    switch (message.type) {
      case 'loaded':
        this.#facts = message.facts;
        this.#loadedAtMs = nowMs;
        return this.#sendProbe(nowMs);
      case 'load-failed':
        return this.#fail({ reason: 'load-failed', detail: message.error.message, error: message.error });
      case 'pong':
        this.#idlePongs = holdsWork(message.progress) ? 0 : this.#idlePongs + 1;
        this.#pingSentAtMs = undefined;
        this.#processorWait.reset();
        this.#watch?.noteProgress(message.progress, nowMs);
        return;
      case 'probed':
        return this.#noteProbed(message, nowMs);
    }
  }

  #noteProbed({ sequence, isAnswered }: ProbeResult, nowMs: number): void {
    if (this.#probe?.sequence !== sequence) return;
    this.#probe = undefined;
    if (!isAnswered) return this.#noteFailedProbe();
    this.#failedProbes = 0;
    if (this.#watch !== undefined) this.#watch.lastAnswerAtMs = nowMs;
    else if (this.#warmth === 'cold' && this.#options.warmUp !== undefined) void this.#warm(this.#options.warmUp);
    else this.#beginServing(nowMs);
  }

  /** One that hangs over what warmed it up does not answer the probe that follows. */
  async #warm(warmUp: NonNullable<ReplicaOptions['warmUp']>): Promise<void> {
    const { id, socketPath, spec, nowMs } = this.#options;
    this.#warmth = 'warming';
    const requests = await warmUp({ id, socketPath, slots: this.#facts?.slots ?? spec.slots });
    this.#warmth = 'warm';
    if (this.#state !== 'loading') return;
    this.#loadedAtMs = nowMs();
    if (requests > 0) this.#sendProbe(this.#loadedAtMs);
    else this.#beginServing(this.#loadedAtMs);
  }

  /** A burst of requests can crowd out one probe of a serving replica; it is asked again as soon as it is idle. */
  #noteFailedProbe(): void {
    this.#failedProbes += 1;
    if (this.#watch !== undefined && this.#failedProbes < TOLERATED_PROBES) return;
    this.#fail({ reason: 'probe-failed', detail: 'the engine did not answer a probe' });
  }

  #beginServing(nowMs: number): void {
    this.#watch = new ProgressWatch(nowMs);
    this.#readyAtMs = nowMs;
    this.#enter('ready');
  }

  #sendProbe(nowMs: number): void {
    this.#probe = { sequence: ++this.#sequence, sentAtMs: nowMs };
    this.#process.send({ type: 'probe', sequence: this.#sequence });
  }

  #judge(watch: ProgressWatch, nowMs: number): HealthAction {
    const { lastPongAtMs, lastStepAtMs, lastAnswerAtMs, workHeldSinceMs, normalStepMs, progress } = watch;
    const heldRequests = progress.runningSequences + progress.waitingRequests;
    const seen = { lastPongAtMs, lastStepAtMs, lastAnswerAtMs, workHeldSinceMs, normalStepMs, heldRequests };
    const starvedMs = this.#processorWait.waitedMs;
    return chooseHealthAction({ nowMs, ...seen, starvedMs, probeSentAtMs: this.#probe?.sentAtMs, ...this.#memoryFacts() });
  }

  #checkLoad(nowMs: number): HealthAction {
    const { loadTimeoutMs, firstAnswerTimeoutMs } = this.#options.times;
    if (this.#loadedAtMs === undefined && nowMs - this.#startedAtMs > loadTimeoutMs)
      return { type: 'replace', reason: 'load-late', detail: `not loaded within ${loadTimeoutMs} ms` };
    const isAsked = this.#loadedAtMs !== undefined && this.#warmth !== 'warming';
    if (isAsked && nowMs - (this.#loadedAtMs ?? nowMs) > firstAnswerTimeoutMs)
      return { type: 'replace', reason: 'probe-late', detail: `no first answer within ${firstAnswerTimeoutMs} ms` };
    return { type: 'none' };
  }

  #act(action: HealthAction, nowMs: number): void {
    if (action.type === 'probe') this.#sendProbe(nowMs);
    if (action.type === 'replace') this.#fail(action);
  }

  #judgeMemory(): void {
    const action = checkMemory(this.#memoryFacts());
    if (action?.type === 'replace') this.#fail(action);
  }

  #memoryFacts(): { readonly rssBytes: number; readonly memoryLimitBytes: number } {
    return { rssBytes: this.#memory.bytes, memoryLimitBytes: this.#options.spec.memoryLimitBytes };
  }

  /** First the word goes out that it serves no more, then it is ended. */
  #fail(verdict: Verdict): void {
    if (this.#state === 'failed' || this.#state === 'unloaded') return;
    this.#verdict = verdict;
    this.#enter('failed');
    // One that still reads its input may end by itself; the others would not hear the request.
    if (verdict.reason === 'load-failed' || verdict.reason === 'probe-failed') this.#process.terminate();
    else this.#process.kill();
  }

  #enter(state: ReplicaState): void {
    this.#state = state;
    this.#sinceUnixMs = Date.now();
    this.#options.onStateChanged();
  }

  #end(detail: string): void {
    const verdict = this.#verdict ?? { reason: 'exited' as const, detail: `its process ${detail}` };
    if (this.#state !== 'failed' && this.#state !== 'unloaded') this.#enter('failed');
    rmSync(this.#options.socketPath, { force: true });
    const healthyMs = this.#readyAtMs === undefined ? 0 : this.#options.nowMs() - this.#readyAtMs;
    this.#options.logger.debug({ replica: this.id, pid: this.pid, stderr: this.#process.errorLines }, 'last lines of a replica');
    this.#options.onEnded({ ...verdict, healthyMs });
  }
}

function holdsWork({ runningSequences, waitingRequests }: ProgressWatch['progress']): boolean {
  return runningSequences + waitingRequests > 0;
}

/** The failure of a replica as an error for whoever waits for its model. */
export function replicaError(model: string, end: ReplicaEnd): PlinthError {
  if (end.error !== undefined) return new PlinthError(end.error);
  return new PlinthError({ code: 'engine_failed', message: `The model '${model}' could not be loaded: ${end.detail}.` });
}

import { randomBytes } from 'node:crypto';
import { setImmediate as nextTurn } from 'node:timers/promises';
import type { InferenceRequest } from '../../../core/inference/index.ts';
import type { CaptureRecord, EvidenceRecords } from '../../../core/records/index.ts';
import type { Logger } from '../../../core/telemetry/index.ts';
import { redact } from './redact.ts';
import { isKeepable, storeRequest } from './stored-request.ts';

/** Where captures are kept, and how many of each model. */
export interface CaptureWriterOptions {
  readonly records: Pick<EvidenceRecords, 'addCaptures'>;
  readonly mostPerModel: number;
  readonly logger: Logger;
  /** Time that requests are gathered before they are written together, ms; 1000 when absent. */
  readonly gatherMs?: number;
}

/** What became of the requests that were to be kept. `unfit`: too large, or nothing that can be redacted. */
export interface CaptureCounts {
  readonly kept: number;
  readonly unfit: number;
  readonly dropped: number;
}

/** Keeps requests for rehearsals, redacted. */
export interface CaptureWriter {
  /** Takes note and returns at once; never throws. `at` in Unix milliseconds. */
  capture(request: InferenceRequest, at: number): void;
  /** Resolves when all that was taken so far is written or given up. Never rejects. */
  flush(): Promise<void>;
  counts(): CaptureCounts;
  /** Writes what is left; takes nothing more. */
  close(): Promise<void>;
}

const GATHER_MS = 1000;
/** Requests that wait to be written; more are dropped. */
const MOST_WAITING = 128;

/** A writer that redacts and writes in lots, off the path of the requests themselves. */
export function createCaptureWriter(options: CaptureWriterOptions): CaptureWriter {
  return new GatheringWriter(options);
}

interface Waiting {
  readonly request: InferenceRequest;
  readonly at: number;
}

class GatheringWriter implements CaptureWriter {
  readonly #options: CaptureWriterOptions;
  readonly #counts = { kept: 0, unfit: 0, dropped: 0 };
  #waiting: Waiting[] = [];
  #timer: NodeJS.Timeout | undefined;
  #written: Promise<void> = Promise.resolve();
  #isClosed = false;

  constructor(options: CaptureWriterOptions) {
    this.#options = options;
  }

  capture(request: InferenceRequest, at: number): void {
    if (this.#isClosed || this.#options.mostPerModel < 1) return;
    if (!isKeepable(request)) this.#counts.unfit++;
    else if (this.#waiting.length >= MOST_WAITING) this.#counts.dropped++;
    else {
      this.#waiting.push({ request, at });
      this.#timer ??= setTimeout(() => void this.flush(), this.#options.gatherMs ?? GATHER_MS).unref();
    }
  }

  flush(): Promise<void> {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    const lot = this.#waiting;
    this.#waiting = [];
    this.#written = this.#written.then(() => this.#write(lot));
    return this.#written;
  }

  counts(): CaptureCounts {
    return { ...this.#counts };
  }

  close(): Promise<void> {
    this.#isClosed = true;
    return this.flush();
  }

  async #write(lot: readonly Waiting[]): Promise<void> {
    if (lot.length === 0) return;
    try {
      const records = await this.#redactAll(lot);
      if (records.length === 0) return;
      await this.#options.records.addCaptures(records, this.#options.mostPerModel);
      this.#counts.kept += records.length;
    } catch (error) {
      this.#counts.dropped += lot.length;
      this.#options.logger.warn({ err: error, requests: lot.length }, 'requests for rehearsals could not be kept');
    }
  }

  /** One request a turn: others of this process are not kept waiting for all of them. */
  async #redactAll(lot: readonly Waiting[]): Promise<CaptureRecord[]> {
    const records: CaptureRecord[] = [];
    for (const { request, at } of lot) {
      await nextTurn();
      const redacted = redact(request)?.request;
      if (redacted === undefined) this.#counts.unfit++;
      else
        records.push({
          id: `c_${randomBytes(9).toString('hex')}`,
          model: nameOf(redacted.model),
          at,
          request: storeRequest(redacted),
        });
    }
    return records;
  }
}

/** Without a version or an alias behind it. */
function nameOf(model: string): string {
  return /^[^@:]+/.exec(model)?.[0] ?? model;
}

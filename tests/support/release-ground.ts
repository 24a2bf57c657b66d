import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { resolve } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { ADMIN_KEY, serve, type Served, type ServeOptions } from './serve.ts';

const MAIN = resolve(import.meta.dirname, '../../src/cli/plinth.ts');
const LONGEST_WAIT_MS = 240_000;

/** What tests read of `plinth rollout status --json`. */
export interface RolloutStatus {
  readonly id: string;
  readonly from: string;
  readonly to: string;
  readonly state: string;
  readonly isRunning: boolean;
  readonly percent: number;
  readonly headline: string;
  readonly reason: string;
  readonly startedAt: number;
  readonly endedAt?: number;
  readonly verdicts: ReadonlyArray<{
    readonly judge: string;
    readonly state: string;
    readonly currentCount: number;
    readonly candidateCount: number;
    readonly reason: string;
  }>;
  readonly history: ReadonlyArray<{
    readonly at: number;
    readonly action: string;
    readonly state: string;
    readonly percent: number;
  }>;
  readonly counts?: { readonly comparisons: number; readonly liveCandidate: number };
}

export interface AuditEntry {
  readonly sequence: number;
  readonly action: string;
  readonly subject: string;
  readonly detail: Readonly<Record<string, unknown>>;
}

export interface Replica {
  readonly model: string;
  readonly version: string;
  readonly state: string;
  readonly pid?: number;
}

export interface Line {
  readonly aliases: Readonly<Record<string, string>>;
  readonly traffic: { readonly weights: Readonly<Record<string, number>> };
}

/** A real serve process, told what to do over its management port and by the command line. */
export class ReleaseGround {
  readonly served: Served;

  private constructor(served: Served) {
    this.served = served;
  }

  static async open(options: ServeOptions): Promise<ReleaseGround> {
    return new ReleaseGround(await serve(options));
  }

  /** Asks the management port: GET without a body, POST with one. Throws what it answers when that is no success. */
  async ask<T>(path: string, body?: object): Promise<T> {
    const response = await fetch(`${this.served.managementUrl}${path}`, {
      headers: { authorization: `Bearer ${ADMIN_KEY}`, ...(body && { 'content-type': 'application/json' }) },
      ...(body && { method: 'POST', body: JSON.stringify(body) }),
    });
    const text = await response.text();
    if (!response.ok) throw new Error(`${path}: ${response.status} ${text}`);
    return JSON.parse(text) as T;
  }

  /** Runs one command line in this home and gives what it prints. */
  plinth(...args: readonly string[]): Promise<string> {
    const env = { PATH: process.env['PATH'], PLINTH_HOME: this.served.home, HOME: this.served.home };
    return new Promise((done, fail) => {
      execFile(process.execPath, [MAIN, ...args], { env, maxBuffer: 64 * 1024 * 1024 }, (error, stdout, stderr) => {
        if (error === null) done(stdout);
        else fail(new Error(`plinth ${args.join(' ')}: ${stderr}${stdout}`));
      });
    });
  }

  async plinthJson<T>(...args: readonly string[]): Promise<T> {
    return JSON.parse(await this.plinth(...args, '--json')) as T;
  }

  /** Adds a version that takes no traffic yet; gives its number. */
  async addVersion(model: string, version: { readonly source?: string; readonly settings?: object }): Promise<string> {
    const { version: added } = await this.ask<{ version: { version: string } }>('/plinth/v1/versions', { model, ...version });
    return added.version;
  }

  rollout(name: string): Promise<RolloutStatus> {
    return this.ask(`/plinth/v1/rollouts/${name}`);
  }

  /** The status of the newest rollout of a model as soon as it is so. */
  async whenRollout(model: string, isSo: (status: RolloutStatus) => boolean): Promise<RolloutStatus> {
    let last: RolloutStatus | undefined;
    return until(
      async () => {
        last = await this.rollout(model);
        return isSo(last) ? last : undefined;
      },
      () => `the rollout is ${JSON.stringify(last)}`,
    );
  }

  whenEnded(model: string): Promise<RolloutStatus> {
    return this.whenRollout(model, ({ isRunning }) => !isRunning);
  }

  /** For what a test has left behind that did not go as it should. */
  async abortRunning(model: string): Promise<void> {
    const { rollouts } = await this.ask<{ rollouts: RolloutStatus[] }>(`/plinth/v1/rollouts?model=${model}`);
    for (const { id } of rollouts.filter(({ isRunning }) => isRunning)) await this.ask(`/plinth/v1/rollouts/${id}/abort`, {});
  }

  async line(model: string): Promise<Line> {
    const { lines } = await this.ask<{ lines: Line[] }>(`/plinth/v1/lines?model=${model}`);
    assert.ok(lines[0]);
    return lines[0];
  }

  async replicas(model: string): Promise<readonly Replica[]> {
    const { replicas } = await this.ask<{ replicas: Replica[] }>('/plinth/v1/replicas');
    return replicas.filter((one) => one.model === model);
  }

  /** The process of a version that is ready. */
  async pidOf(model: string, version: string): Promise<number> {
    return until(async () => {
      const found = (await this.replicas(model)).find((one) => one.version === version && one.state === 'ready');
      return found?.pid;
    });
  }

  /** The whole audit log, after a look that no number is missing. */
  async audit(): Promise<readonly AuditEntry[]> {
    const { entries } = await this.ask<{ entries: AuditEntry[] }>('/plinth/v1/audit?most=1000');
    assert.deepEqual(
      entries.map(({ sequence }) => sequence),
      entries.map((_, at) => at + 1),
      'the audit log has no gap',
    );
    return entries;
  }
}

/** Asks again and again until there is an answer. */
export async function until<T>(find: () => Promise<T | undefined>, describe: () => string = () => 'nothing'): Promise<T> {
  const endsAt = Date.now() + LONGEST_WAIT_MS;
  while (Date.now() < endsAt) {
    const found = await find();
    if (found !== undefined) return found;
    await sleep(100);
  }
  return assert.fail(`it did not come about within ${LONGEST_WAIT_MS / 1000} seconds: ${describe()}`);
}

import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { API_KEY, ADMIN_KEY, serve, type Served } from '../support/serve.ts';

/** Where nothing is said: long enough for a busy machine, and short of the time limit of a test. */
const PATIENCE_MS = 45_000;

/** One of several `plinth serve` of a book, which is killed and started again in the same home. */
export class Gateway {
  readonly home: string;
  #config: Readonly<Record<string, unknown>>;
  readonly #env: Readonly<Record<string, string>>;
  #served: Served | undefined;
  #log = '';

  private constructor(home: string, { config, env }: GatewayOptions) {
    this.home = home;
    this.#config = config;
    this.#env = env;
  }

  static async start(options: GatewayOptions): Promise<Gateway> {
    const gateway = new Gateway(options.home ?? (await mkdtemp(join(tmpdir(), 'plinth-shared-'))), options);
    await gateway.start();
    return gateway;
  }

  /** Again, in the same home; by a changed configuration where one is given. */
  async start(config = this.#config): Promise<void> {
    this.#config = config;
    this.#served = await serve({ config: this.#config, env: this.#env, home: this.home });
  }

  get url(): string {
    return this.#running.url;
  }

  get pid(): number {
    return this.#running.child.pid ?? 0;
  }

  /** Everything that all its processes have written to standard error. */
  get log(): string {
    return `${this.#log}${this.#served?.stderr() ?? ''}`;
  }

  signal(name: 'SIGSTOP' | 'SIGCONT'): void {
    this.#running.child.kill(name);
  }

  async kill(): Promise<void> {
    const { child } = this.#running;
    const gone = new Promise((done) => child.once('exit', done));
    child.kill('SIGKILL');
    await gone;
    this.#leave();
  }

  /** Ends it by draining and removes its home. */
  async remove(): Promise<void> {
    this.#served?.child.kill('SIGCONT');
    await this.#served?.stop();
    this.#leave();
    await rm(this.home, { recursive: true, force: true });
  }

  /** The answer of the management port; a failure that it tells is thrown. */
  async ask<T = Record<string, unknown>>(path: string, body?: object): Promise<T> {
    const { status, json } = await this.tryAsking(path, body);
    assert.ok(status < 300, `${path} answers ${status}: ${JSON.stringify(json)}`);
    return json as T;
  }

  async tryAsking(path: string, body?: object): Promise<{ readonly status: number; readonly json: unknown }> {
    const response = await fetch(`${this.#running.managementUrl}/plinth/v1/${path}`, {
      ...(body !== undefined && { method: 'POST', body: JSON.stringify(body) }),
      headers: { authorization: `Bearer ${ADMIN_KEY}`, 'content-type': 'application/json' },
    });
    return { status: response.status, json: await response.json() };
  }

  /** A short chat. Fails the test when it is not answered. */
  async chat(
    model: string,
    key = API_KEY,
  ): Promise<{ readonly version: string; readonly requestId: string; readonly arm: string }> {
    const response = await this.post('/v1/chat/completions', { model, messages: [{ role: 'user', content: 'Hello' }] }, key);
    const text = await response.text();
    assert.equal(response.status, 200, text);
    const header = (name: string) => response.headers.get(name) ?? '';
    return { version: header('x-plinth-version'), requestId: header('x-request-id'), arm: header('x-plinth-arm') };
  }

  post(path: string, body: object, key = API_KEY): Promise<Response> {
    return fetch(`${this.url}${path}`, {
      method: 'POST',
      headers: { authorization: `Bearer ${key}`, 'content-type': 'application/json' },
      body: JSON.stringify(body),
    });
  }

  async metric(name: string): Promise<number> {
    const response = await fetch(`${this.#running.managementUrl}/metrics`, { headers: { authorization: `Bearer ${ADMIN_KEY}` } });
    const line = (await response.text()).split('\n').find((one) => one.startsWith(`${name} `));
    return Number(line?.split(' ')[1] ?? Number.NaN);
  }

  async status(): Promise<GatewayStatus> {
    return this.ask<GatewayStatus>('status');
  }

  /** Versions of the model that answer at this gateway. */
  async readyVersions(model: string): Promise<readonly string[]> {
    const { models } = await this.ask<{ models: ReadonlyArray<{ name: string; version: string; state: string }> }>('models');
    return models.filter(({ name, state }) => name === model && state === 'ready').map(({ version }) => version);
  }

  get #running(): Served {
    return this.#served ?? assert.fail('the gateway does not run');
  }

  #leave(): void {
    this.#log = this.log;
    this.#served = undefined;
  }
}

export interface GatewayOptions {
  readonly config: Readonly<Record<string, unknown>>;
  readonly env: Readonly<Record<string, string>>;
  /** A new one when absent. */
  readonly home?: string;
}

export interface GatewayStatus {
  readonly holder: string;
  readonly book: { readonly kind: string; readonly isStale: boolean };
}

/** Callers of one gateway, one request after the other, until they are stopped. */
export interface Load {
  readonly versions: readonly string[];
  readonly failures: readonly string[];
  stop(): Promise<void>;
}

/** Asks without a pause but the one between two requests; notes what is not answered with 200. */
export function beginChats(gateway: Gateway, model: string, pauseMs = 5): Load {
  const versions: string[] = [];
  const failures: string[] = [];
  const progress = { isStopped: false };
  const ask = async (): Promise<void> => {
    while (!progress.isStopped) {
      await gateway.chat(model).then(
        ({ version }) => versions.push(version),
        (error: unknown) =>
          failures.push(error instanceof Error ? `${error.message} ${String(error.cause ?? '')}` : String(error)),
      );
      await delay(pauseMs);
    }
  };
  const running = ask();
  const stop = async (): Promise<void> => {
    progress.isStopped = true;
    await running;
  };
  return { versions, failures, stop };
}

/** Resolves with how long it took to hold, in milliseconds. */
export async function until(what: string, holds: () => boolean | Promise<boolean>, pauseMs = 20): Promise<number> {
  const startedAt = performance.now();
  while (!(await holds())) {
    if (performance.now() - startedAt > PATIENCE_MS) assert.fail(`not within ${PATIENCE_MS / 1_000} s: ${what}`);
    await delay(pauseMs);
  }
  return performance.now() - startedAt;
}

export function formatMs(values: readonly number[]): string {
  return values.map((value) => value.toFixed(0)).join(' ');
}

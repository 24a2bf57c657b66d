import { connect as connectPlain } from 'node:net';
import type { TestContext } from 'node:test';
import { configSchema, type Config } from '../core/config/index.ts';
import type { EvidenceSink, KeyVerifier, ModelRepository, RoutedModel } from '../core/messages/index.ts';
import type { ModelTraffic } from '../core/traffic/index.ts';
import { createLogger, createMetrics, type Metrics } from '../core/telemetry/index.ts';
import { startGateway, type Gateway } from './index.ts';
import { answerWith, startFakeWorker, type FakeScript, type FakeWorker } from './fake-worker.ts';
import { routedModel, routedReplica, FakeSnapshots } from './fake-snapshots.ts';

export const GOOD_KEY = 'plk_test_key';
export const ADMIN_KEY = 'plk_test_admin';

export const TEST_KEYS: KeyVerifier = {
  verify(presentedKey) {
    if (presentedKey === ADMIN_KEY) return { keyId: 'key-0', role: 'admin' };
    return presentedKey === GOOD_KEY ? { keyId: 'key-1', role: 'inference' } : undefined;
  },
};

export interface GatewayUnderTest {
  readonly gateway: Gateway;
  readonly worker: FakeWorker;
  readonly snapshots: FakeSnapshots;
  readonly metrics: Metrics;
  /** Log lines, as written. */
  readonly logLines: readonly string[];
  /** A chat request with the good key. */
  chat(fields?: Readonly<Record<string, unknown>>, init?: RequestInit): Promise<Response>;
  /** Any request; the good key unless headers say otherwise. */
  fetch(path: string, init?: RequestInit): Promise<Response>;
}

export interface UnderTestOptions {
  readonly script?: FakeScript;
  readonly config?: Readonly<Record<string, unknown>>;
  readonly model?: Parameters<typeof routedModel>[0];
  readonly repository?: ModelRepository;
  /** Served beside the one model, or as further versions of it. */
  readonly others?: readonly RoutedModel[];
  readonly traffic?: readonly ModelTraffic[];
  readonly evidence?: EvidenceSink;
}

/** A gateway on a free port with one model, `echo`, whose only replica is a fake worker. Closed after the test. */
export async function openGateway(context: TestContext, options: UnderTestOptions = {}): Promise<GatewayUnderTest> {
  const worker = await startFakeWorker(options.script ?? answerWith('Hello', ' world'));
  const replicas = [routedReplica({ socketPath: worker.socketPath, slots: 8 })];
  const snapshots = new FakeSnapshots([routedModel({ replicas, ...options.model }), ...(options.others ?? [])], options.traffic);
  const metrics = createMetrics();
  const logLines: string[] = [];
  const logger = createLogger({ level: 'info', destination: { write: (line) => void logLines.push(line) } });
  const config: Config = configSchema.parse({ port: 0, grpcPort: -1, ...options.config });
  const { repository, evidence } = options;
  const gateway = await startGateway({
    config,
    snapshots,
    keys: TEST_KEYS,
    metrics,
    logger,
    ...(repository === undefined ? {} : { repository }),
    ...(evidence === undefined ? {} : { evidence }),
  });
  context.after(async () => {
    await gateway.close();
    await worker.close();
  });
  const ask = (path: string, init: RequestInit = {}): Promise<Response> =>
    fetch(gateway.url + path, { ...init, headers: { authorization: `Bearer ${GOOD_KEY}`, ...init.headers } });
  const chat = (fields: Readonly<Record<string, unknown>> = {}, init: RequestInit = {}): Promise<Response> =>
    ask('/v1/chat/completions', {
      method: 'POST',
      body: JSON.stringify({ model: 'echo', messages: [{ role: 'user', content: 'hi' }], ...fields }),
      ...init,
      headers: { 'content-type': 'application/json', ...init.headers },
    });
  return { gateway, worker, snapshots, metrics, logLines, chat, fetch: ask };
}

/** Sends bytes on a new connection and gives all that came back until the other end closed it. */
export function exchangeBytes(gateway: Gateway, bytes: string | Uint8Array): Promise<string> {
  return new Promise((resolve) => {
    let answer = '';
    const socket = connectPlain({ host: gateway.host, port: gateway.port }, () => socket.write(bytes));
    socket.on('data', (chunk: Buffer) => (answer += chunk.toString('latin1')));
    socket.on('error', () => undefined);
    socket.on('close', () => resolve(answer));
  });
}

/** The code in an error body of OpenAI's shape. */
export async function errorCode(response: Response): Promise<string> {
  const body: unknown = await response.json();
  return readCode(body);
}

/** The code in the body of an answer that came as bytes. */
export function rawErrorCode(answer: string): string {
  return readCode(JSON.parse(answer.slice(answer.indexOf('\r\n\r\n') + 4)));
}

function readCode(body: unknown): string {
  const error = typeof body === 'object' && body !== null && 'error' in body ? body.error : undefined;
  if (typeof error !== 'object' || error === null || !('code' in error) || !('message' in error))
    return `no error in ${JSON.stringify(body)}`;
  return String(error.code);
}

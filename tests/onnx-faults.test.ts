import assert from 'node:assert/strict';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { setTimeout as pause } from 'node:timers/promises';
import { buildModel, operation, port, tensor, writeModel, type ModelParts } from '../packages/onnx-tools/index.ts';
import { GrpcClient } from './support/grpc-client.ts';
import { API_KEY, serve, type Served } from './support/serve.ts';

const WIDTH = 256;
const PRODUCTS = 60;

/** Multiplies each row by the identity again and again: the answer is the row, and takes its time. */
const grinder: ModelParts = {
  inputs: [port('x', 'FP32', ['batch', WIDTH])],
  outputs: [port('y', 'FP32', ['batch', WIDTH])],
  initializers: [
    tensor('identity', 'FP32', {
      dims: [WIDTH, WIDTH],
      values: Array.from({ length: WIDTH * WIDTH }, (_, at) => (at % (WIDTH + 1) === 0 ? 1 : 0)),
    }),
    tensor('copies', 'FP32', { dims: [128, WIDTH], values: Array.from({ length: 128 * WIDTH }, () => 0) }),
    tensor('middle', 'INT64', { dims: [1], values: [1] }),
  ],
  operations: [
    operation('Unsqueeze', ['x', 'middle'], ['wide']),
    operation('Add', ['wide', 'copies'], ['product0']),
    ...Array.from({ length: PRODUCTS }, (_, at) => operation('MatMul', [`product${at}`, 'identity'], [`product${at + 1}`])),
    operation('ReduceMax', [`product${PRODUCTS}`], { outputs: ['y'], attributes: { axes: [1], keepdims: 0 } }),
  ],
};

const twice: ModelParts = {
  inputs: [port('x', 'FP32', ['batch', 1])],
  outputs: [port('y', 'FP32', ['batch', 1])],
  operations: [operation('Add', ['x', 'x'], ['y'])],
};

/** Makes as many numbers as its input says, and gives their sum: one request takes any amount of memory. */
const glutton: ModelParts = {
  inputs: [port('count', 'INT64', [1])],
  outputs: [port('sum', 'FP32', [1])],
  operations: [
    operation('ConstantOfShape', ['count'], {
      outputs: ['many'],
      attributes: { value: tensor('one', 'FP32', { dims: [1], values: [1] }) },
    }),
    operation('ReduceSum', ['many'], { outputs: ['sum'], attributes: { keepdims: 1 } }),
  ],
};

const GLUTTON_LIMIT = 500_000_000;

const parts: { served?: Served; folder?: string } = {};

before(async () => {
  const folder = await mkdtemp(join(tmpdir(), 'plinth-faults-'));
  parts.folder = folder;
  const place = async (name: string, model: ModelParts): Promise<string> => {
    const path = join(folder, `${name}.onnx`);
    await writeFile(path, writeModel(buildModel(model)));
    return path;
  };
  const onnx = { intraOpThreads: 1 };
  const models = [
    { name: 'grinder', source: await place('grinder', grinder), replicas: 2, onnx },
    { name: 'neighbour', source: await place('twice', twice), onnx },
    { name: 'glutton', source: await place('glutton', glutton), memoryLimitBytes: GLUTTON_LIMIT, onnx },
    { name: 'talker', engine: 'echo', slots: 4, stepMs: 40 },
  ];
  parts.served = await serve({ config: { models } });
});

after(async () => {
  await parts.served?.stop();
  if (parts.folder !== undefined) await rm(parts.folder, { recursive: true, force: true });
});

interface Report {
  readonly model: string;
  readonly pid?: number;
  readonly state: string;
  readonly runningSequences: number;
  readonly waitingRequests: number;
  readonly lastFailure?: { readonly reason: string; readonly detail: string };
}

function served(): Served {
  assert.ok(parts.served);
  return parts.served;
}

async function reports(model: string): Promise<Report[]> {
  const answer = (await (await served().manage('/plinth/v1/replicas')).json()) as { replicas: Report[] };
  return answer.replicas.filter((replica) => replica.model === model);
}

async function until<T>(look: () => Promise<T | undefined | false>): Promise<T> {
  for (let tries = 0; tries < 600; tries++) {
    const seen = await look();
    if (seen !== undefined && seen !== false) return seen;
    await pause(50);
  }
  assert.fail('it did not come about within 30 seconds');
}

async function infer(
  model: string,
  inputs: unknown,
  signal?: AbortSignal,
): Promise<{ readonly status: number; readonly body: unknown }> {
  const response = await fetch(`${served().url}/v2/models/${model}/infer`, {
    method: 'POST',
    headers: { authorization: `Bearer ${API_KEY}`, 'content-type': 'application/json' },
    body: JSON.stringify({ inputs }),
    ...(signal && { signal }),
  });
  return { status: response.status, body: await response.json() };
}

/** The first number of the answer, or the answer itself when there is none. */
function firstOf({ body }: { readonly body: unknown }): unknown {
  const { outputs } = body as { readonly outputs?: ReadonlyArray<{ readonly data: readonly number[] }> };
  return outputs?.[0]?.data[0] ?? body;
}

const row = (value: number): number[] => Array.from({ length: WIDTH }, () => value);

const kinds: Readonly<Record<string, (value: number, client: GrpcClient) => Promise<unknown>>> = {
  'a row over REST': async (value) =>
    firstOf(await infer('grinder', [{ name: 'x', datatype: 'FP32', shape: [1, WIDTH], data: row(value) }])),
  'rows over REST': async (value) =>
    firstOf(
      await infer('grinder', [{ name: 'x', datatype: 'FP32', shape: [3, WIDTH], data: [1, 2, 3].flatMap(() => row(value)) }]),
    ),
  'a row over gRPC': async (value, client) => {
    const data = new Uint8Array(Float32Array.from(row(value)).buffer);
    const inputs = [{ name: 'x', datatype: 'FP32', shape: [1, WIDTH], data }];
    const [output] = await client.infer({ model: 'grinder', inputs });
    return Buffer.from(output ?? []).readFloatLE(0);
  },
};

/** Strikes one busy replica while requests of every kind go on and on, and looks at all their answers. */
async function strike(signal: NodeJS.Signals): Promise<void> {
  await until(async () => (await reports('grinder')).every(({ state }) => state === 'ready'));
  const client = new GrpcClient(served().grpcAddress ?? '');
  const over = new AbortController();
  const wrong: unknown[] = [];
  let right = 0;
  const goOn = async (title: string, ask: (value: number) => Promise<[got: unknown, expected: unknown]>): Promise<void> => {
    for (let value = 1; !over.signal.aborted; value++) {
      const [got, expected] = await ask(value).catch((error: unknown) => [error, value] as const);
      if (got === expected) right += 1;
      else wrong.push([title, got]);
    }
  };
  const work = Object.entries(kinds).flatMap(([title, ask]) =>
    [1, 2].map(() => goOn(title, async (value) => [await ask(value, client), value])),
  );
  const beside = goOn('a neighbour', async (value) => {
    await pause(20);
    return [firstOf(await infer('neighbour', [{ name: 'x', datatype: 'FP32', shape: [1, 1], data: [value] }])), 2 * value];
  });
  try {
    const isBusy = (one: Report): boolean => one.pid !== undefined && one.runningSequences + one.waitingRequests > 0;
    const victim = await until(async () => (await reports('grinder')).find(isBusy));
    process.kill(victim.pid ?? 0, signal);
    await until(async () => {
      const now = await reports('grinder');
      return now.length === 2 && now.every(({ state, pid }) => state === 'ready' && pid !== victim.pid);
    });
  } finally {
    over.abort();
    await Promise.all([...work, beside]);
    client.close();
  }
  assert.deepEqual(wrong.slice(0, 3), []);
  assert.ok(right > 0);
}

for (const signal of ['SIGKILL', 'SIGABRT', 'SIGSTOP'] as const) {
  test(`${signal} to a busy ONNX replica loses no request and leaves a neighbour alone`, () => strike(signal));
}

test('ONNX replicas that were struck are counted by their reason', async () => {
  const metrics = await (await served().manage('/metrics')).text();
  const count = (model: string, reason: string): number => {
    const line = metrics
      .split('\n')
      .find(
        (one) =>
          one.startsWith('plinth_replica_replacements_total{') &&
          one.includes(`model="${model}"`) &&
          one.includes(`reason="${reason}"`),
      );
    return Number(line?.split(' ').at(-1) ?? 0);
  };
  assert.ok(count('grinder', 'exited') >= 2);
  assert.ok(count('grinder', 'hung') + count('grinder', 'no-progress') >= 1);
  assert.doesNotMatch(metrics, /plinth_replica_replacements_total\{[^}]*model="neighbour"/);
});

test('a model that takes more memory than it may is replaced, and says so', async () => {
  const ask = (count: number, signal?: AbortSignal) =>
    infer('glutton', [{ name: 'count', datatype: 'INT64', shape: [1], data: [count] }], signal);
  assert.equal(firstOf(await ask(1000)), 1000);
  const [first] = await reports('glutton');
  // Let go when its point is made: it would take the next replica down, too.
  const leaving = new AbortController();
  const answering = ask(200_000_000, leaving.signal).catch((error: unknown) => error);
  const replaced = await until(async () => (await reports('glutton')).find(({ lastFailure }) => lastFailure !== undefined));
  leaving.abort();
  await answering;
  assert.equal(replaced.lastFailure?.reason, 'memory-limit');
  assert.match(replaced.lastFailure.detail, new RegExp(`resident memory is \\d+ bytes, the limit is ${GLUTTON_LIMIT} bytes`));
  await until(async () => (await reports('glutton')).every(({ state, pid }) => state === 'ready' && pid !== first?.pid));
  assert.equal(firstOf(await ask(2000)), 2000);
});

test('a gRPC stream of a language model whose replica is lost ends with exactly one error', async () => {
  const client = new GrpcClient(served().grpcAddress ?? '');
  const stream = client.stream();
  const errors: string[] = [];
  const begun = Promise.withResolvers<void>();
  const failed = Promise.withResolvers<void>();
  stream.on('data', (error: string) => {
    begun.resolve();
    if (error === '') return;
    errors.push(error);
    failed.resolve();
  });
  const ended = new Promise<number>((done) => stream.on('status', ({ code }: { readonly code: number }) => done(code)));
  stream.on('error', () => undefined);
  const text = Buffer.from('word '.repeat(400));
  const length = Buffer.alloc(4);
  length.writeUInt32LE(text.length);
  stream.write({
    model: 'talker',
    inputs: [
      { name: 'text_input', datatype: 'BYTES', shape: [1], data: Buffer.concat([length, text]) },
      { name: 'stream', datatype: 'BOOL', shape: [1], data: Uint8Array.of(1) },
      { name: 'max_tokens', datatype: 'INT32', shape: [1], data: new Uint8Array(Int32Array.of(400).buffer) },
    ],
  });
  await begun.promise;
  const [talker] = await reports('talker');
  process.kill(talker?.pid ?? 0, 'SIGKILL');
  await failed.promise;
  stream.end();
  await ended;
  client.close();
  assert.equal(errors.length, 1);
  assert.match(errors[0] ?? '', /lost/);
});

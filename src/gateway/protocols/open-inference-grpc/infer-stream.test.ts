import assert from 'node:assert/strict';
import { once } from 'node:events';
import { test } from 'node:test';
import { status, type ServiceError } from '@grpc/grpc-js';
import type { ModelStreamInferResponse } from '../grpc/generated/index.ts';
import {
  A_BYTES,
  answerTensors,
  languageFacts,
  openGrpc,
  pairRequest,
  tensorFacts,
  TIMINGS,
  type InferMessages,
  type InferRequest,
} from '../grpc-under-test.ts';

interface Watched {
  readonly answers: ModelStreamInferResponse[];
  /** Settles when so many answers are there. */
  count(most: number): Promise<void>;
  /** How the stream ends: the status code. */
  readonly ended: Promise<number>;
}

function watch(stream: InferMessages): Watched {
  const answers: ModelStreamInferResponse[] = [];
  const waiters = new Set<() => void>();
  stream.on('data', (answer: ModelStreamInferResponse) => {
    answers.push(answer);
    for (const wake of [...waiters]) wake();
  });
  const ended = new Promise<number>((resolve) => {
    stream.on('error', (error: ServiceError) => resolve(error.code));
    stream.on('status', ({ code }: { code: number }) => resolve(code));
  });
  const count = (most: number): Promise<void> =>
    new Promise((resolve) => {
      const look = (): void => {
        if (answers.length < most) return;
        waiters.delete(look);
        resolve();
      };
      waiters.add(look);
      look();
    });
  return { answers, count, ended };
}

function finalOf(answer: ModelStreamInferResponse | undefined): unknown {
  return answer?.inferResponse?.parameters['triton_final_response']?.parameterChoice.value;
}

function textOf(answer: ModelStreamInferResponse): string {
  return Buffer.from(answer.inferResponse?.rawOutputContents[0] ?? [])
    .subarray(4)
    .toString();
}

const DECOUPLED = { name: 'pair', facts: tensorFacts({ isDecoupled: true }) };
const EMPTY_FINAL = { triton_enable_empty_final_response: { parameterChoice: { case: 'boolParam', value: true } } } as const;

test('requests of a model with one response are answered once each, the last word being said, until the client has no more', async (context) => {
  const { client, gateway } = await openGrpc(context);
  const stream = client.stream();
  const { answers, ended } = watch(stream);
  for (let id = 0; id < 50; id += 1) stream.write(pairRequest({ id: String(id) }));
  stream.end();
  assert.equal(await ended, status.OK);
  assert.deepEqual(
    answers.map((answer) => Number(answer.inferResponse?.id)).toSorted((a, b) => a - b),
    Array.from({ length: 50 }, (_, id) => id),
  );
  assert.equal(
    answers.every((answer) => finalOf(answer) === true && answer.errorMessage === ''),
    true,
  );
  assert.deepEqual(Buffer.from(answers[0]?.inferResponse?.rawOutputContents[0] ?? []), A_BYTES);
  assert.equal(gateway.requestsInWork(), 0);
});

test('a decoupled model answers any number of times, and says the last word only to those who ask', async (context) => {
  const { client } = await openGrpc(context, { model: DECOUPLED, script: (asked) => answerTensors(asked, 3) });
  for (const [parameters, finals] of [
    [{}, [false, false, false]],
    [EMPTY_FINAL, [false, false, false, true]],
  ] as const) {
    const stream = client.stream();
    const { answers, ended } = watch(stream);
    stream.write(pairRequest({ id: 'a', parameters }));
    stream.end();
    assert.equal(await ended, status.OK);
    assert.deepEqual(answers.map(finalOf), finals);
    assert.deepEqual(
      answers.map((answer) => answer.inferResponse?.outputs.length),
      finals.map((isFinal) => (isFinal ? 0 : 2)),
    );
  }
});

test('a language model streams its text', async (context) => {
  const { client, worker } = await openGrpc(context, {
    model: { name: 'pair', facts: languageFacts() },
    script({ send }) {
      for (const word of ['one', ' two', ' three']) send({ type: 'text-delta', choice: 0, text: word });
      send({ type: 'choice-finished', choice: 0, reason: 'stop' }, { type: 'finished', timings: TIMINGS });
    },
  });
  const stream = client.stream();
  const { answers, ended } = watch(stream);
  const inputs = [
    { name: 'text_input', datatype: 'BYTES', shape: [1n], contents: { bytesContents: [Buffer.from('count')] } },
    { name: 'stream', datatype: 'BOOL', shape: [1n], contents: { boolContents: [true] } },
    { name: 'max_tokens', datatype: 'INT32', shape: [1n], contents: { intContents: [8] } },
  ];
  stream.write({ modelName: 'pair', id: '1', inputs, parameters: EMPTY_FINAL });
  stream.end();
  assert.equal(await ended, status.OK);
  assert.deepEqual(answers.map(textOf), ['one', ' two', ' three', '']);
  assert.deepEqual(answers.map(finalOf), [false, false, false, true]);
  const sent = worker.received.find((message) => message.type === 'infer');
  assert.equal(sent?.request.kind === 'generate' && sent.request.maxTokens, 8);
});

test('a request that fails is answered in-band with its id, and the stream goes on', async (context) => {
  const { client } = await openGrpc(context);
  const stream = client.stream();
  const { answers, count, ended } = watch(stream);
  stream.write(pairRequest({ id: 'bad', modelName: 'nobody' }));
  await count(1);
  stream.write(pairRequest({ id: 'good' }));
  stream.end();
  assert.equal(await ended, status.OK);
  assert.deepEqual(
    answers.map((answer) => [answer.inferResponse?.id, answer.errorMessage]),
    [
      ['bad', "Request for unknown model: 'nobody' is not found"],
      ['good', ''],
    ],
  );
});

test('in strict mode the first failure is the status of the stream, and ends everything on it', async (context) => {
  const { client, worker, gateway } = await openGrpc(context, { script: () => undefined });
  const stream = client.stream({ metadata: { triton_grpc_error: 'true' } });
  const { answers, ended } = watch(stream);
  stream.write(pairRequest({ id: 'slow' }));
  await worker.waitFor((message) => message.type === 'infer');
  stream.write(pairRequest({ id: 'bad', modelName: 'nobody' }));
  assert.equal(await ended, status.NOT_FOUND);
  await worker.waitFor((message) => message.type === 'cancel');
  assert.deepEqual(answers, []);
  assert.equal(gateway.requestsInWork(), 0);
});

test('responses of requests that run at the same time come as they are ready', async (context) => {
  const waiting: Array<() => void> = [];
  const { client, worker } = await openGrpc(context, { script: (asked) => void waiting.push(() => answerTensors(asked, 1)) });
  const stream = client.stream();
  const { answers, count } = watch(stream);
  for (const id of ['first', 'second']) stream.write(pairRequest({ id }));
  await worker.waitFor(() => waiting.length === 2);
  waiting[1]?.();
  await count(1);
  waiting[0]?.();
  await count(2);
  assert.deepEqual(
    answers.map((answer) => answer.inferResponse?.id),
    ['second', 'first'],
  );
  stream.end();
});

test('a stream that is cancelled ends everything in work on it', async (context) => {
  const { client, worker, gateway } = await openGrpc(context, { script: () => undefined });
  const stream = client.stream();
  const { ended } = watch(stream);
  for (const id of ['a', 'b', 'c']) stream.write(pairRequest({ id }));
  await worker.waitFor(() => worker.received.filter((message) => message.type === 'infer').length === 3);
  stream.cancel();
  assert.equal(await ended, status.CANCELLED);
  await worker.waitFor(() => worker.received.filter((message) => message.type === 'cancel').length === 3);
  assert.equal(gateway.requestsInWork(), 0);
});

test('a client that does not read holds the worker back', async (context) => {
  const { client, worker } = await openGrpc(context, {
    model: { name: 'pair', facts: tensorFacts({ isDecoupled: true, inputs: [{ name: 'A', datatype: 'UINT8', dims: [-1] }] }) },
    script: (asked) => answerTensors(asked, 200),
  });
  const stream = client.stream();
  const bytes = Buffer.alloc(256 * 1024);
  stream.write({
    modelName: 'pair',
    inputs: [{ name: 'A', datatype: 'UINT8', shape: [BigInt(bytes.length)] }],
    rawInputContents: [bytes],
  });
  await worker.waitFor((message) => message.type === 'pause');
  const { answers, ended } = watch(stream);
  stream.end();
  assert.equal(await ended, status.OK);
  assert.equal(answers.length, 200);
});

test('a stream needs a key', async (context) => {
  const { client } = await openGrpc(context);
  assert.equal(await watch(client.stream({ key: undefined })).ended, status.UNAUTHENTICATED);
});

test('draining refuses new requests, lets the begun ones finish and then ends the streams', async (context) => {
  let finish = (): void => undefined;
  const { client, gateway, worker } = await openGrpc(context, { script: (asked) => (finish = () => answerTensors(asked, 1)) });
  const [busy, idle] = [client.stream(), client.stream()];
  const [busyWatch, idleWatch] = [watch(busy), watch(idle)];
  busy.write(pairRequest({ id: 'begun' }));
  idle.write(pairRequest({ modelName: 'nobody' }));
  await worker.waitFor((message) => message.type === 'infer');
  await idleWatch.count(1);
  const drained = gateway.drain(5000);
  assert.equal(await idleWatch.ended, status.UNAVAILABLE);
  busy.write(pairRequest({ id: 'late' }));
  await busyWatch.count(1);
  finish();
  assert.equal(await busyWatch.ended, status.UNAVAILABLE);
  await drained;
  assert.deepEqual(
    busyWatch.answers.map((answer) => [answer.inferResponse?.id, answer.errorMessage]),
    [
      ['late', 'The server is shutting down.'],
      ['begun', ''],
    ],
  );
});

test('each request of a stream is logged by itself', async (context) => {
  const { client, logLines } = await openGrpc(context);
  const stream = client.stream({ metadata: { 'x-request-id': 'mine' } });
  const { ended } = watch(stream);
  const requests: InferRequest[] = [pairRequest(), pairRequest({ modelName: 'nobody' })];
  for (const request of requests) stream.write(request);
  stream.end();
  await ended;
  const lines = logLines
    .join('')
    .split('\n')
    .filter((line) => line.includes('"msg":"request"'));
  assert.deepEqual(lines.map((line) => /"id":"(.*?)".*"status":(\d+)/.exec(line)?.slice(1)).toSorted(), [
    ['mine', '200'],
    ['mine.2', '404'],
  ]);
});

test('a client that sends nothing at all is let go', async (context) => {
  const { client } = await openGrpc(context);
  const stream = client.stream();
  stream.resume();
  stream.end();
  await once(stream, 'end');
});

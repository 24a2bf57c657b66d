import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { connect, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import fc from 'fast-check';
import { echoRequest, echoSpec } from '../../tests/support/echo-model.ts';
import { encodeFrame, FrameReader } from '../core/framing/index.ts';
import { greedySampling, type InferenceEvent } from '../core/inference/index.ts';
import type { Delivery, FromWorker, ToWorker, WireRequest } from '../core/messages/index.ts';
import type { ModelSpec } from '../core/models/index.ts';
import { startWorker, type Worker } from './worker.ts';

const folder = mkdtempSync(join(tmpdir(), 'plinth-worker-'));
const workers: Worker[] = [];
after(async () => {
  for (const worker of workers) await worker.close();
  rmSync(folder, { recursive: true });
});

const spec: ModelSpec = { ...echoSpec, stepMs: 1 };

type Heard = Exclude<InferenceEvent, { type: 'embedding' | 'tensor' }> | { readonly type: 'embedding' | 'tensor' };

/** A gateway's end of the socket, keeping every event by stream. */
class Caller {
  readonly socket: Socket;
  readonly heard = new Map<number, Heard[]>();
  readonly #reader = new FrameReader();
  #waiters: (() => void)[] = [];

  constructor(path: string) {
    this.socket = connect(path);
    this.socket.on('data', (chunk) => {
      for (const frame of this.#reader.push(chunk)) {
        for (const [stream, event] of (frame.header as FromWorker).events) {
          const list = this.heard.get(stream) ?? [];
          list.push(event.type === 'embedding' || event.type === 'tensor' ? { type: event.type } : event);
          this.heard.set(stream, list);
        }
      }
      for (const waiter of this.#waiters.splice(0)) waiter();
    });
  }

  send(message: ToWorker): void {
    this.socket.write(encodeFrame(message));
  }

  ask(stream: number, request: WireRequest, delivery: Delivery = 'stream'): void {
    this.send({ type: 'infer', stream, request, delivery });
  }

  async until(isDone: () => boolean): Promise<void> {
    while (!isDone()) await new Promise<void>((resolve) => this.#waiters.push(resolve));
  }

  async answer(stream: number, request: WireRequest): Promise<readonly Heard[]> {
    this.ask(stream, request);
    await this.until(() => this.terminals(stream) > 0);
    return this.heard.get(stream) ?? [];
  }

  terminals(stream: number): number {
    return (this.heard.get(stream) ?? []).filter(({ type }) => type === 'finished' || type === 'failed').length;
  }
}

let sockets = 0;
async function startCaller(options: Partial<ModelSpec> = {}): Promise<Caller> {
  const path = join(folder, `${sockets++}.sock`);
  workers.push(await startWorker({ ...spec, ...options }, path));
  return new Caller(path);
}

const textOf = (events: readonly Heard[], choice = 0) =>
  events.map((event) => (event.type === 'text-delta' && event.choice === choice ? event.text : '')).join('');
const errorOf = (events: readonly Heard[]) => events.flatMap((event) => (event.type === 'failed' ? [event.error.code] : []));

test('an answer is text, the end of its choice, its usage and its end, in that order', async () => {
  const caller = await startCaller();
  const events = await caller.answer(1, echoRequest('Grüße 😀'));
  assert.equal(textOf(events), 'Grüße 😀');
  assert.deepEqual(
    events.map(({ type }) => type).filter((type) => type !== 'text-delta'),
    ['choice-finished', 'usage-report', 'finished'],
  );
});

test('an answer that nobody sees before its end comes in one piece', async () => {
  const caller = await startCaller();
  caller.ask(1, echoRequest('Grüße 😀', { topLogprobs: 1 }), 'whole');
  await caller.until(() => caller.terminals(1) > 0);
  const pieces = (caller.heard.get(1) ?? []).filter(({ type }) => type === 'text-delta');
  assert.equal(pieces.length, 1);
  assert.ok(pieces[0]?.type === 'text-delta' && pieces[0].text === 'Grüße 😀' && pieces[0].logprobs?.length === 4);
});

test('choices of a batch of prompts are numbered prompt by prompt', async () => {
  const caller = await startCaller();
  const prompts = ['one', 'two'].map((text) => ({ type: 'text' as const, text }));
  const events = await caller.answer(1, echoRequest('', { prompts, choiceCount: 2 }));
  assert.deepEqual(
    [0, 1, 2, 3].map((choice) => textOf(events, choice)),
    ['one', 'one', 'two', 'two'],
  );
});

test('an echoed prompt comes before the answer', async () => {
  const caller = await startCaller();
  assert.equal(textOf(await caller.answer(1, echoRequest('abc', { echoesPrompt: true }))), 'abcabc');
});

test('a given beginning of the answer is repeated alone, each of its tokens with its likelihood', async () => {
  const caller = await startCaller();
  const scored = { echoesPrompt: true, topLogprobs: 0, maxTokens: 0 };
  const events = await caller.answer(1, echoRequest('question', { ...scored, answerStart: 'answer' }));
  assert.equal(textOf(events), 'answer');
  const logprobs = events.flatMap((event) => (event.type === 'text-delta' ? (event.logprobs ?? []) : []));
  assert.deepEqual(
    logprobs.map(({ text, logprob }) => [text, logprob]),
    [
      ['ans', 0],
      ['wer', 0],
    ],
  );
  const whole = await caller.answer(2, echoRequest('question', scored));
  assert.equal(textOf(whole), 'question');
  const first = whole.flatMap((event) => (event.type === 'text-delta' ? (event.logprobs ?? []) : []))[0];
  assert.equal(first?.logprob, null);
});

test('a given beginning of the answer counts towards the context', async () => {
  const caller = await startCaller();
  const events = await caller.answer(1, echoRequest('abc', { answerStart: 'x'.repeat(64 * 3) }));
  assert.deepEqual(errorOf(events), ['context_length_exceeded']);
});

test('a prompt as long as the context is refused with both numbers', async () => {
  const caller = await startCaller();
  const events = await caller.answer(1, echoRequest('x'.repeat(64 * 3)));
  assert.deepEqual(errorOf(events), ['context_length_exceeded']);
  const [failure] = events;
  assert.ok(failure?.type === 'failed' && /\b64 tokens\b.*\b64 tokens\b/.test(failure.error.message));
});

test('a hopelessly long prompt is refused too', async () => {
  const caller = await startCaller();
  assert.deepEqual(errorOf(await caller.answer(1, echoRequest('x'.repeat(1_000_000)))), ['context_length_exceeded']);
});

test('a bias for a token outside the vocabulary is refused by name', async () => {
  const caller = await startCaller();
  const events = await caller.answer(1, echoRequest('a', { sampling: { ...greedySampling, logitBias: [[4_000_000_000, 1]] } }));
  const failure = events[0];
  assert.ok(failure?.type === 'failed' && failure.error.param === 'logit_bias' && failure.error.message.includes('4000000000'));
});

test('a token id outside the vocabulary is refused by name', async () => {
  const caller = await startCaller();
  const events = await caller.answer(1, echoRequest('', { prompts: [{ type: 'tokens', tokens: [1, -5] }] }));
  assert.ok(events[0]?.type === 'failed' && events[0].error.param === 'prompt' && events[0].error.message.includes('-5'));
});

test('requests beyond the queue are refused at once', async () => {
  const caller = await startCaller({ stepMs: 50 });
  for (let stream = 1; stream <= 10; stream++) {
    caller.ask(stream, echoRequest('long enough to wait for', { ignoresEnd: true, maxTokens: 10 }));
  }
  await caller.until(() => Array.from({ length: 10 }, (_, i) => caller.terminals(i + 1)).every((count) => count === 1));
  const refused = [...caller.heard.values()].filter((events) => errorOf(events)[0] === 'queue_full');
  assert.ok(refused.length >= 4 && refused.length < 10);
});

test('a request that waited too long is refused', async () => {
  const caller = await startCaller({ slots: 1, queueTimeoutMs: 40, stepMs: 10 });
  caller.ask(1, echoRequest('abc', { ignoresEnd: true, maxTokens: 40 }));
  assert.deepEqual(errorOf(await caller.answer(2, echoRequest('abc'))), ['queue_timeout']);
});

test('a request ends at its deadline, running or not', async () => {
  const caller = await startCaller({ slots: 1, stepMs: 10 });
  const endless = echoRequest('abc', { ignoresEnd: true, maxTokens: 60, timeLeftMs: 60 });
  caller.ask(1, endless);
  assert.deepEqual(errorOf(await caller.answer(2, endless)), ['deadline_exceeded']);
  await caller.until(() => caller.terminals(1) === 1);
  assert.deepEqual(errorOf(caller.heard.get(1) ?? []), ['deadline_exceeded']);
});

test('a paused stream is silent and others go on', async () => {
  const caller = await startCaller({ stepMs: 5 });
  caller.ask(1, echoRequest('abcdef', { ignoresEnd: true, maxTokens: 30 }));
  await caller.until(() => caller.heard.has(1));
  caller.send({ type: 'pause', stream: 1 });
  await caller.answer(2, echoRequest('one step and another'));
  const before = caller.heard.get(1)?.length;
  await caller.answer(3, echoRequest('and a third one too'));
  assert.equal(caller.heard.get(1)?.length, before);
  caller.send({ type: 'resume', stream: 1 });
  await caller.until(() => caller.terminals(1) === 1);
  assert.equal(textOf(caller.heard.get(1) ?? []), 'abcdef'.repeat(15));
});

test('embeddings of every input come in order and the same text has the same one', async () => {
  const caller = await startCaller();
  const input = { type: 'text', text: 'hello' } as const;
  const events = await caller.answer(1, { kind: 'embed', id: 'e', model: 'echo', inputs: [input, input], timeLeftMs: 1_000 });
  assert.equal(events.filter(({ type }) => type === 'embedding').length, 2);
});

test('every stream that is not cancelled has exactly one end, whatever happens around it', async () => {
  const request = fc.record({
    text: fc.string({ maxLength: 80 }),
    choiceCount: fc.integer({ min: 1, max: 3 }),
    maxTokens: fc.option(fc.nat(20), { nil: undefined }),
    timeLeftMs: fc.constantFrom(1, 20, 30_000),
    stop: fc.constantFrom([], ['a'], ['ab', 'b']),
  });
  const action = fc.oneof(
    { weight: 4, arbitrary: fc.record({ type: fc.constant('infer' as const), request }) },
    {
      weight: 2,
      arbitrary: fc.record({ type: fc.constantFrom('cancel' as const, 'pause' as const, 'resume' as const), of: fc.nat(20) }),
    },
    { weight: 1, arbitrary: fc.record({ type: fc.constant('wait' as const), ms: fc.nat(5) }) },
  );
  const caller = await startCaller({ queueLength: 3 });
  let next = 1;
  await fc.assert(
    fc.asyncProperty(fc.array(action, { maxLength: 25 }), async (actions) => {
      const first = next;
      const cancelled = new Set<number>();
      for (const step of actions) {
        if (step.type === 'wait') await new Promise((resolve) => setTimeout(resolve, step.ms));
        else if (step.type === 'infer') {
          const { text, maxTokens, ...options } = step.request;
          const chosen = maxTokens === undefined ? options : { ...options, maxTokens };
          caller.ask(next++, echoRequest(text, chosen));
        } else if (first + step.of < next) {
          caller.send({ type: step.type, stream: first + step.of });
          if (step.type === 'cancel') cancelled.add(first + step.of);
        }
      }
      const streams = Array.from({ length: next - first }, (_, i) => first + i);
      for (const stream of streams) caller.send({ type: 'resume', stream });
      const expected = streams.filter((stream) => !cancelled.has(stream));
      await caller.until(() => expected.every((stream) => caller.terminals(stream) > 0));
      await caller.answer(next++, echoRequest('flush'));
      for (const stream of streams) {
        assert.ok(caller.terminals(stream) <= 1);
        const last = caller.heard.get(stream)?.at(-1)?.type;
        if (!cancelled.has(stream)) assert.ok(last === 'finished' || last === 'failed');
      }
    }),
    { numRuns: 60 },
  );
});

test('the loop goes on after a caller is gone in the middle of its answers', async () => {
  const path = join(folder, `${sockets++}.sock`);
  const worker = await startWorker(spec, path);
  workers.push(worker);
  const leaver = new Caller(path);
  for (let stream = 1; stream <= 4; stream++) leaver.ask(stream, echoRequest('abc', { ignoresEnd: true }));
  await leaver.until(() => leaver.heard.size > 0);
  leaver.socket.destroy();
  const stayer = new Caller(path);
  assert.equal(textOf(await stayer.answer(1, echoRequest('still here'))), 'still here');
  assert.equal(worker.progress().runningSequences, 0);
});

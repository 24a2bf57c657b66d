import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { PlinthError } from '../../core/errors/index.ts';
import { Conversation, type AskOptions } from './conversation.ts';

const event = (body: object) => `data: ${JSON.stringify(body)}\n\n`;
const delta = (content: string) => event({ choices: [{ index: 0, delta: { content } }] });
const finish = event({ choices: [{ index: 0, delta: {}, finish_reason: 'stop' }] });
const usage = event({ choices: [], usage: { prompt_tokens: 3, completion_tokens: 2, total_tokens: 5 } });
const done = 'data: [DONE]\n\n';

async function* cut(text: string, pieceBytes = 1_000_000): AsyncGenerator<Uint8Array> {
  const bytes = Buffer.from(text);
  for (let at = 0; at < bytes.length; at += pieceBytes) yield bytes.subarray(at, at + pieceBytes);
}

const quiet: AskOptions = { signal: new AbortController().signal, onText: () => undefined };

test('an answer is put together from its stream, wherever the bytes are cut', async () => {
  const stream = [': beat\n\n', delta('Grüße '), delta('🙂'), finish, usage, done].join('');
  await fc.assert(
    fc.asyncProperty(fc.integer({ min: 1, max: 40 }), async (pieceBytes) => {
      let shown = '';
      const conversation = new Conversation({ model: 'm' }, () => Promise.resolve(cut(stream, pieceBytes)));
      const answer = await conversation.ask('hi', { ...quiet, onText: (text) => (shown += text) });
      assert.deepEqual(answer, {
        text: 'Grüße 🙂',
        finishReason: 'stop',
        usage: { prompt_tokens: 3, completion_tokens: 2, total_tokens: 5 },
      });
      assert.equal(shown, 'Grüße 🙂');
    }),
    { numRuns: 30 },
  );
});

test('questions build on the answers before them until the conversation is forgotten', async () => {
  const bodies: unknown[] = [];
  const conversation = new Conversation({ model: 'm', system: 's', maxTokens: 9 }, (body) => {
    bodies.push(JSON.parse(JSON.stringify(body)));
    return Promise.resolve(cut([delta(`a${bodies.length}`), finish, done].join('')));
  });
  await conversation.ask('q1', quiet);
  await conversation.ask('q2', quiet);
  conversation.forget();
  await conversation.ask('q3', quiet);
  const system = { role: 'system', content: 's' };
  const user = (content: string) => ({ role: 'user', content });
  const assistant = (content: string) => ({ role: 'assistant', content });
  const rest = { model: 'm', stream: true, stream_options: { include_usage: true }, max_completion_tokens: 9 };
  assert.deepEqual(bodies, [
    { ...rest, messages: [system, user('q1')] },
    { ...rest, messages: [system, user('q1'), assistant('a1'), user('q2')] },
    { ...rest, messages: [system, user('q3')] },
  ]);
});

test('an error event and a stream that breaks off are errors, and leave no trace in the conversation', async () => {
  const answers = [
    delta('x') + event({ error: { message: 'the replica was lost', code: 'replica_lost' } }),
    delta('x'),
    delta('y') + finish + done,
  ];
  const seen: number[] = [];
  const conversation = new Conversation({ model: 'm' }, (body) => {
    seen.push('messages' in body && Array.isArray(body.messages) ? body.messages.length : -1);
    return Promise.resolve(cut(answers[seen.length - 1] ?? ''));
  });
  await assert.rejects(
    conversation.ask('1', quiet),
    (error) => error instanceof PlinthError && error.message === 'the replica was lost',
  );
  await assert.rejects(conversation.ask('2', quiet), (error) => error instanceof PlinthError && error.code === 'replica_lost');
  await conversation.ask('3', quiet);
  assert.deepEqual(seen, [1, 1, 1]);
});

test('an answer that is stopped stays as far as it came', async () => {
  const stopping = new AbortController();
  const conversation = new Conversation({ model: 'm' }, async function (_body, signal) {
    await Promise.resolve();
    return (async function* () {
      yield Buffer.from(delta('so far'));
      signal.throwIfAborted();
      yield Buffer.from(finish + done);
    })();
  });
  const answer = await conversation.ask('q', { signal: stopping.signal, onText: () => stopping.abort() });
  assert.deepEqual(answer, { text: 'so far', finishReason: 'interrupted' });
});

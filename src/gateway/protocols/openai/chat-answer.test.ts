import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import type { InferenceEvent } from '../../../core/inference/index.ts';
import { ChatAnswer } from './chat-answer.ts';
import { CompletionAnswer } from './completion-answer.ts';
import type { AnswerFormat } from './wire-shapes.ts';

interface Choice {
  readonly index: number;
  readonly text?: string;
  readonly delta?: { content?: string | null };
  readonly message?: { content: string | null };
  readonly finish_reason: string | null;
}

const CHOICES = 3;
const options = {
  head: { id: 'x', created: 1, model: 'a "model"', fingerprint: 'fp_1' },
  choiceCount: CHOICES,
  includesUsage: true,
  usesFunctions: false,
};
const formats: ReadonlyArray<readonly [name: string, create: () => AnswerFormat]> = [
  ['chat', () => new ChatAnswer(options)],
  ['completion', () => new CompletionAnswer(options)],
];

const texts = fc.array(fc.tuple(fc.nat({ max: CHOICES - 1 }), fc.string({ unit: 'binary' })), { maxLength: 20 });

function eventsOf(deltas: ReadonlyArray<readonly [number, string]>): InferenceEvent[] {
  return [
    ...deltas.map(([choice, text]) => ({ type: 'text-delta', choice, text }) as const),
    ...Array.from({ length: CHOICES }, (_, choice) => ({ type: 'choice-finished', choice, reason: 'stop' }) as const),
    { type: 'usage-report', usage: { promptTokens: 1, cachedTokens: 0, completionTokens: deltas.length } },
    { type: 'finished', timings: { queueMs: 0, prefillMs: 0, decodeMs: 0 } },
  ];
}

function choicesOfStream(text: string): Choice[] {
  const parts = text.split('\n\n').filter((part) => part !== '');
  assert.equal(parts.pop(), 'data: [DONE]');
  return parts.flatMap((part) => (JSON.parse(part.replace(/^data: /, '')) as { choices: Choice[] }).choices);
}

for (const [name, create] of formats) {
  test(`the chunks of a ${name} put together are its one body, whatever the text`, () => {
    fc.assert(
      fc.property(texts, (deltas) => {
        const events = eventsOf(deltas);
        const whole = create();
        for (const event of events) whole.take(event);
        const body = JSON.parse(whole.toBody()) as { choices: Choice[]; usage: { completion_tokens: number } };
        const streamed = create();
        const chunks = choicesOfStream(events.map((event) => streamed.toChunks(event)).join(''));
        assert.equal(body.usage.completion_tokens, deltas.length);
        for (let index = 0; index < CHOICES; index += 1) {
          const text = deltas.filter(([choice]) => choice === index).map(([, piece]) => piece);
          const own = chunks.filter((choice) => choice.index === index);
          assert.equal(own.map((choice) => choice.text ?? choice.delta?.content ?? '').join(''), text.join(''));
          assert.equal(body.choices[index]?.text ?? body.choices[index]?.message?.content, text.join(''));
          assert.equal(own.filter((choice) => choice.finish_reason !== null).length, 1);
        }
      }),
    );
  });
}

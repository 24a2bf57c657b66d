import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { PlinthError } from '../../../core/errors/index.ts';
import type { InferenceEvent } from '../../../core/inference/index.ts';
import { GenerationEvents } from './generation-events.ts';

const text = fc.constantFrom('a', '', null);
const toolCall = fc.record({ index: fc.nat(2), id: text, function: fc.record({ name: text, arguments: text }) });
const choice = fc.record(
  {
    index: fc.nat(2),
    delta: fc.record({ content: text, tool_calls: fc.array(toolCall, { maxLength: 2 }) }, { requiredKeys: [] }),
    finish_reason: fc.constantFrom('stop', 'length', 'odd', null),
  },
  { requiredKeys: ['index'] },
);
const chunk = fc.oneof(
  { weight: 9, arbitrary: fc.record({ choices: fc.array(choice, { maxLength: 3 }) }) },
  { weight: 1, arbitrary: fc.jsonValue() },
);

/** Takes chunks until one is refused. */
function takeAll(chunks: readonly unknown[], choiceCount: number): readonly InferenceEvent[] {
  const made = new GenerationEvents(choiceCount);
  const events: InferenceEvent[] = [];
  try {
    for (const one of chunks) events.push(...made.takeChat(one));
  } catch (error) {
    assert.ok(error instanceof PlinthError && error.code === 'engine_failed', String(error));
  }
  return events;
}

test('whatever an upstream says, events are of choices that were asked for, each ends once and nothing of it follows', () => {
  fc.assert(
    fc.property(fc.array(chunk, { maxLength: 10 }), fc.integer({ min: 1, max: 3 }), (chunks, choiceCount) => {
      const ended = new Set<number>();
      const named = new Set<string>();
      for (const event of takeAll(chunks, choiceCount)) {
        assert.ok('choice' in event && event.choice < choiceCount && !ended.has(event.choice));
        if (event.type === 'choice-finished') ended.add(event.choice);
        if (event.type !== 'tool-call-delta') continue;
        const key = `${event.choice}/${event.index}`;
        assert.equal(event.id !== undefined && event.name !== undefined, !named.has(key));
        named.add(key);
      }
    }),
    { numRuns: 500 },
  );
});

test('a completion of another shape is refused without its words', () => {
  const events = new GenerationEvents(1);
  assert.throws(
    () => events.takeCompletion({ choices: [{ index: 'secret' }] }),
    (error) => error instanceof PlinthError && error.code === 'engine_failed' && !error.message.includes('secret'),
  );
});

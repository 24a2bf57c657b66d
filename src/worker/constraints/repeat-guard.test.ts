import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { RepeatGuard } from './repeat-guard.ts';
import { ToolCallParser } from './tool-call-parser.ts';

const call = (name: string, argumentsText: string) =>
  `<tool_call>\n{"name": "${name}", "arguments": ${argumentsText}}\n</tool_call>`;

function read(text: string, size: number) {
  const guard = new RepeatGuard(new ToolCallParser({ createId: () => 'call_x' }));
  const calls: { name: string; argumentsText: string }[] = [];
  let plain = '';
  const take = (deltas: ReturnType<RepeatGuard['push']>) => {
    for (const delta of deltas) {
      if (delta.type === 'text') plain += delta.text;
      else if (delta.name !== undefined) calls.push({ name: delta.name, argumentsText: delta.argumentsText });
      else (calls[delta.index] ?? assert.fail('a piece of no call')).argumentsText += delta.argumentsText;
    }
  };
  for (let at = 0; at < text.length; at += size) take(guard.push(text.slice(at, at + size)));
  take(guard.end('stop'));
  return { plain, calls, hasRepeated: guard.hasRepeated };
}

const berlin = { name: 'weather', argumentsText: '{"city": "Berlin"}' };
const bern = { name: 'weather', argumentsText: '{"city": "Bern"}' };

test('a call that repeats an earlier one ends the calls and is left out', () => {
  const text = [berlin, bern, berlin, bern].map((one) => call(one.name, one.argumentsText)).join('\n');
  for (const size of [1, 3, 7, 500]) assert.deepEqual(read(text, size), { plain: '', calls: [berlin, bern], hasRepeated: true });
});

test('calls that begin alike are all given', () => {
  const text = call('weather', berlin.argumentsText) + call('weather', bern.argumentsText) + call('clock', bern.argumentsText);
  assert.deepEqual(read(text, 2).calls, [berlin, bern, { ...bern, name: 'clock' }]);
});

test('a call cut while it may still be a repetition is given as far as it came', () => {
  const text = `${call('weather', berlin.argumentsText)}<tool_call>\n{"name": "weather", "arguments": {"city": "Ber`;
  assert.deepEqual(read(text, 4).calls, [berlin, { name: 'weather', argumentsText: '{"city": "Ber' }]);
});

test('distinct calls pass unchanged however the text is cut', () => {
  const names = fc.uniqueArray(fc.constantFrom('a', 'b', 'c', 'd'), { maxLength: 4 });
  fc.assert(
    fc.property(names, fc.integer({ min: 1, max: 60 }), (some, size) => {
      const calls = some.map((name) => ({ name, argumentsText: '{"x": [1, {"y": "}"}]}' }));
      const text = calls.map((one) => call(one.name, one.argumentsText)).join('\n');
      assert.deepEqual(read(text, size), { plain: '', calls, hasRepeated: false });
    }),
  );
});

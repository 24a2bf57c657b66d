import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { PlinthError } from '../../core/errors/index.ts';
import type { JsonObject, Tool, ToolOptions } from '../../core/inference/index.ts';
import { Gbnf } from '../../../tests/support/gbnf.ts';
import { toolCallGrammar, ToolCallParser, type ToolTextDelta } from './index.ts';

interface Parsed {
  text: string;
  calls: { id: string; name: string; arguments: string }[];
}

function parse(pieces: readonly string[]): Parsed {
  let serial = 0;
  const parser = new ToolCallParser({ createId: () => `call_${(serial += 1)}` });
  const deltas: ToolTextDelta[] = [...pieces.flatMap((piece) => parser.push(piece)), ...parser.end('stop')];
  const parsed: Parsed = { text: '', calls: [] };
  for (const delta of deltas) {
    if (delta.type === 'text') parsed.text += delta.text;
    else if (delta.id !== undefined)
      parsed.calls[delta.index] = { id: delta.id, name: delta.name ?? '', arguments: delta.argumentsText };
    else {
      const call = parsed.calls[delta.index];
      assert.ok(call !== undefined, 'a piece came before its call');
      call.arguments += delta.argumentsText;
    }
  }
  assert.equal(parser.callCount, parsed.calls.length);
  return parsed;
}

const weather: Tool = {
  name: 'get_weather',
  parameters: { type: 'object', properties: { city: { type: 'string' } }, required: ['city'] },
  isStrict: true,
};
const clock: Tool = { name: 'say "now"', isStrict: false };
const call = (name: string, text: string): string =>
  `<tool_call>\n{"name": ${JSON.stringify(name)}, "arguments": ${text}}\n</tool_call>`;
const options = (choice: ToolOptions['choice'], more: Partial<ToolOptions> = {}): ToolOptions => ({
  tools: [weather, clock],
  choice,
  allowsParallel: true,
  ...more,
});

const fragments = fc.constantFrom(
  '<tool_call>',
  '</tool_call>',
  '<tool',
  '_call>',
  '\n',
  ' ',
  'hi',
  '<',
  '{"name": "f", "arguments": ',
  '{"a": "}</tool_call>"}',
  '{}',
  '}',
  '"',
  '\\',
  call('f', '{"x": [1, "<tool_call>"]}'),
  '<tool_call>{"arguments": {"b": 1}, "name": "g"}</tool_call>',
  '{"name": 1}',
);

test('any cut of any text gives the same text and calls', () => {
  fc.assert(
    fc.property(fc.array(fragments, { maxLength: 12 }), fc.array(fc.nat(7), { minLength: 1 }), (parts, sizes) => {
      const text = parts.join('');
      const pieces: string[] = [];
      for (let at = 0, turn = 0; at < text.length; turn += 1) {
        const size = (sizes[turn % sizes.length] ?? 0) + 1;
        pieces.push(text.slice(at, at + size));
        at += size;
      }
      assert.deepEqual(parse(pieces), parse([text]));
      assert.deepEqual(parse([...text]), parse([text]));
    }),
    { numRuns: 3_000 },
  );
});

test('text before calls stays text and blank space between calls is dropped', () => {
  const parsed = parse([`Let me look.\n${call('f', '{"a": "}"}')}\n${call('g', '{}')}\n`]);
  assert.deepEqual(parsed, {
    text: 'Let me look.\n',
    calls: [
      { id: 'call_1', name: 'f', arguments: '{"a": "}"}' },
      { id: 'call_2', name: 'g', arguments: '{}' },
    ],
  });
});

test('arguments are passed on before the call is complete', () => {
  const parser = new ToolCallParser({ createId: () => 'call_x' });
  assert.deepEqual(parser.push('<tool_call>\n{"name": "f", "arguments"'), []);
  assert.deepEqual(parser.push(': {"city": "Ber'), [
    { type: 'tool-call', index: 0, id: 'call_x', name: 'f', argumentsText: '' },
    { type: 'tool-call', index: 0, argumentsText: '{"city": "Ber' },
  ]);
  assert.deepEqual(parser.push('lin"}}\n</tool'), [{ type: 'tool-call', index: 0, argumentsText: 'lin"}' }]);
  assert.deepEqual([...parser.push('_call>'), ...parser.end('stop')], []);
});

test('a call that the token limit cuts before its arguments is no text', () => {
  for (const cut of ['\n<tool_c', '\n<tool_call>\n{"name": "g', '\n<tool_call>\n{"name": "g", "argu']) {
    const parser = new ToolCallParser({ createId: () => 'call_x' });
    parser.push(call('f', '{}'));
    assert.deepEqual([...parser.push(cut), ...parser.end('length')], [], cut);
  }
});

test('what only looks like a call is text', () => {
  for (const text of [
    '<tool_call',
    'a <tool_call> b',
    '<tool_call>{"name": 1, "arguments": {}}</tool_call>',
    '<tool_call>\n{"name": "f"',
    '  \n',
  ]) {
    assert.deepEqual(parse([...text]), { text, calls: [] });
  }
});

test('the keys of a call may stand in another order', () => {
  assert.deepEqual(parse(['<tool_call>{"arguments": {"b": 1}, "name": "g"}</tool_call>']).calls, [
    { id: 'call_1', name: 'g', arguments: '{"b":1}' },
  ]);
});

test('with auto the grammar takes any text, calls, and text before calls', () => {
  const grammar = new Gbnf(toolCallGrammar(options({ type: 'auto' })));
  const good = call('get_weather', '{"city": "Bonn"}');
  for (const inside of ['', 'Hello <b> 😀\n', 'a <tool_cal', good, `Wait <<${good}`, `${good}\n${call(clock.name, '{}')}`])
    assert.ok(grammar.accepts(inside), inside);
  for (const outside of ['<tool_call>', call('get_weather', '{}'), call('other', '{}'), `${good} and text`])
    assert.ok(!grammar.accepts(outside), outside);
});

test('with required every sentence is calls that the parser reads back', () => {
  const grammar = new Gbnf(toolCallGrammar(options({ type: 'required' })));
  fc.assert(
    fc.property(fc.infiniteStream(fc.double({ min: 0, max: 0.999, noNaN: true })), (stream) => {
      const parsed = parse([...grammar.sample(() => stream.next().value ?? 0)]);
      assert.equal(parsed.text, '');
      assert.ok(parsed.calls.length >= 1 && parsed.calls.length <= 8);
      for (const each of parsed.calls) {
        assert.ok(each.name === weather.name || each.name === clock.name);
        const value: unknown = JSON.parse(each.arguments);
        assert.ok(typeof value === 'object' && value !== null && 'city' in value === (each.name === weather.name));
      }
    }),
    { numRuns: 200 },
  );
});

test('a named choice calls that tool only and serial calls stay single', () => {
  const grammar = new Gbnf(toolCallGrammar(options({ type: 'named', name: clock.name }, { allowsParallel: false })));
  assert.ok(grammar.accepts(call(clock.name, '{}')));
  for (const outside of [
    '',
    'text',
    call('get_weather', '{"city": "x"}'),
    `${call(clock.name, '{}')}\n${call(clock.name, '{}')}`,
  ]) {
    assert.ok(!grammar.accepts(outside), outside);
  }
});

test('an inexpressible schema is refused when its tool is strict or forced, and is any object otherwise', () => {
  const parameters: JsonObject = { type: 'object', properties: { n: { type: 'integer', multipleOf: 2 } } };
  const loose: Tool = { name: 'loose', parameters, isStrict: false };
  const isRefusal = (error: unknown): boolean =>
    error instanceof PlinthError &&
    error.code === 'unsupported_schema' &&
    error.facts.param === 'tools[1].function.parameters' &&
    error.message.startsWith('tools[1].function.parameters.properties.n.multipleOf ');
  assert.throws(() => toolCallGrammar(options({ type: 'required' }, { tools: [weather, loose] })), isRefusal);
  assert.throws(() => toolCallGrammar(options({ type: 'auto' }, { tools: [weather, { ...loose, isStrict: true }] })), isRefusal);
  const grammar = new Gbnf(toolCallGrammar(options({ type: 'auto' }, { tools: [weather, loose] })));
  assert.ok(grammar.accepts(call('loose', '{"anything": [1]}')));
});

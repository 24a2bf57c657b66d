import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { test } from 'node:test';
import { PlinthError, type ErrorCode } from '../../../core/errors/index.ts';
import type { JsonObject } from '../../../core/inference/index.ts';
import { hostileTemplates } from '../../../../tests/support/hostile-templates.ts';
import { checkTemplate, compileTemplate } from './index.ts';

const turns = (...contents: string[]): JsonObject[] =>
  contents.map((content, i) => ({ role: i % 2 === 0 ? 'user' : 'assistant', content }));
const now = new Date(2026, 10, 5, 9, 7);

function render(source: string | undefined, messages: readonly JsonObject[] = turns('Hi')): string {
  return compileTemplate(source).render({ messages, addGenerationPrompt: true, bosToken: '<s>', eosToken: '</s>', now });
}

function failure(work: () => unknown): PlinthError {
  try {
    work();
  } catch (error) {
    assert.ok(error instanceof PlinthError, String(error));
    return error;
  }
  throw new assert.AssertionError({ message: 'it did not fail' });
}

test('500 hostile templates end in a result or a named error and leave a small process alive', () => {
  const script = fileURLToPath(new URL('../../../../tests/support/hostile-templates.ts', import.meta.url));
  const out = execFileSync(process.execPath, ['--max-old-space-size=128', script], { encoding: 'utf8', maxBuffer: 1e7 });
  const outcomes = out.trimEnd().split('\n');
  assert.ok(outcomes.length >= 500);
  assert.equal(outcomes.length, hostileTemplates().length);
  const allowed = new Set(['rendered', 'invalid_template', 'invalid_request'] satisfies (ErrorCode | 'rendered')[]);
  assert.deepEqual(
    outcomes.filter((outcome) => ![...allowed].some((each) => each === outcome)),
    [],
  );
  assert.ok(outcomes.filter((outcome) => outcome === 'invalid_template').length > 250);
});

test('a model without a template talks ChatML', () => {
  const expected = '<|im_start|>user\nHi<|im_end|>\n<|im_start|>assistant\n';
  assert.equal(render(undefined), expected);
  assert.equal(render('  \n'), expected);
});

test('a template gets tokens, date, ranges and filters', () => {
  const source =
    "{{ bos_token }}{{ strftime_now('%d %b %Y, %H:%M %A %%') }}|{% for i in range(6, 0, -2) %}{{ i }}{% endfor %}|" +
    "{{ messages | tojson }}|{{ tools is none }}|{{ (messages | first).content.split('i')[0] }}{{ eos_token }}";
  assert.equal(render(source), '<s>05 Nov 2026, 09:07 Thursday %|642|[{"role": "user", "content": "Hi"}]|true|H</s>');
});

test('a long conversation renders within the limits of an ordinary template', () => {
  const messages = turns(...Array.from({ length: 3_000 }, (_, i) => `message ${i}`));
  assert.equal(render(undefined, messages).split('<|im_start|>').length, 3_002);
});

test('each limit is named', () => {
  const cases: [string, RegExp][] = [
    ['{{ range(300000000) }}', /range of more than 10000 items/],
    ['{% for i in range(9999) %}{% for j in range(9999) %}{% endfor %}{% endfor %}', /1000000 steps|ms of processor time/],
    ['{% macro f() %}{{ f() }}{% endmacro %}{{ f() }}', /recurses deeper than 500/],
    [`{{ "${'x'.repeat(300_000)}" }}`, /larger than 262144 bytes/],
    [`${'{% if 1 %}'.repeat(300)}${'{% endif %}'.repeat(300)}`, /nested deeper than 200/],
    [`${' '.repeat(300)}x`, /more than 256 blanks/],
    ['{% set n = namespace(l=[1]) %}{% for i in range(40) %}{% set n.l = n.l + n.l %}{% endfor %}', /more than 20000 items/],
    ['{{ 1 | nothing }}', /is at fault: /],
    ['{% break %}', /outside of a loop/],
  ];
  for (const [source, words] of cases) {
    const error = failure(() => render(source));
    assert.equal(error.code, 'invalid_template');
    assert.match(error.message, words);
  }
});

test("a template's own refusal reaches the caller in its words, shortened", () => {
  const error = failure(() => render("{{ raise_exception('Roles must alternate') }}"));
  assert.deepEqual([error.code, error.message, error.facts.param], ['invalid_request', 'Roles must alternate', 'messages']);
  assert.equal(failure(() => render(`{{ raise_exception('${'a'.repeat(5_000)}') }}`)).message.length, 300);
});

test('a template that cannot carry a question is refused at load', () => {
  checkTemplate(compileTemplate(undefined));
  for (const source of ["{{ raise_exception('never') }}", 'constant', '{{ messages[0].content.x.y }}']) {
    assert.equal(failure(() => checkTemplate(compileTemplate(source))).code, 'invalid_template');
  }
});

test('a template handles tools only when it prints an offered tool and writes calls as JSON', () => {
  const offer = '{% if tools %}{{ tools | tojson }}<tool_call>{% endif %}{{ messages[0].content }}';
  const loop = '{% for m in messages %}{% for c in m.tool_calls or [] %}';
  const calls = `${loop}<tool_call>{{ {'name': c.function.name, 'arguments': c.function.arguments} | tojson }}</tool_call>{% endfor %}{% endfor %}`;
  const other = `${loop}<tool_call>{{ c.function.name }}</tool_call>{% endfor %}{% endfor %}`;
  assert.equal(compileTemplate(offer + calls).handlesTools, true);
  assert.equal(compileTemplate(offer + other).handlesTools, false);
  assert.equal(compileTemplate(`{% if tools %}<tool_call>{% endif %}${calls}`).handlesTools, false);
  assert.equal(compileTemplate(undefined).handlesTools, false);
});

test('a template that runs over its tools unasked gets an empty list', () => {
  assert.equal(render('{% for tool in tools %}{{ tool }}{% endfor %}{{ messages[0].content }}'), 'Hi');
});

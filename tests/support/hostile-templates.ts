import { pathToFileURL } from 'node:url';
import { compileTemplate } from '../../src/worker/prompting/index.ts';
import { PlinthError } from '../../src/core/errors/index.ts';

const grow = (turns: number, step: string, start: string): string =>
  `{% set ns = namespace(v=${start}) %}{% for i in range(${turns}) %}{% set ns.v = ${step} %}{% endfor %}`;
const nest = (open: string, inner: string, close: string, depth: number): string =>
  open.repeat(depth) + inner + close.repeat(depth);

/** Each family makes one template for every size. */
const families: readonly ((size: number) => string)[] = [
  (n) => nest(`{% for i in range(${n * 10}) %}`, 'x', '{% endfor %}', (n % 7) + 2),
  (n) => nest(`{% for i in range(${n * 10}) %}`, '', '{% endfor %}', 3),
  (n) => `{{ range(${n} * 3000000) | length }}`,
  (n) => `{% for i in range(0, ${n}, 0) %}{% endfor %}{{ range(-${n}00000000, 5) }}`,
  (n) => `${grow(n, 'ns.v + ns.v', "'abcdefgh'")}{{ ns.v }}`,
  (n) => `${grow(Math.min(n, 19), 'ns.v ~ ns.v', "'abcd efgh,'")}{% for i in range(10000) %}{{ ns.v }}{% endfor %}`,
  (n) => `${grow(n, 'ns.v + ns.v', '[1]')}{{ ns.v }}`,
  (n) => `${grow(n, '[ns.v, ns.v, ns.v]', '1')}{{ ns.v }}`,
  (n) => `${grow(n, "{'a': ns.v, 'b': ns.v}", '1')}{{ ns.v | tojson(indent=8) }}`,
  (n) => `${grow(n, '[ns.v, ns.v]', '1')}{{ ns.v == 'x' }}{{ ns.v ~ '' }}`,
  (n) => `${grow(n, '(ns, ns)', '1')}{{ ns }}`,
  (n) => `{% macro f(x) %}{{ f(x ~ '${'y'.repeat(n)}') }}{% endmacro %}{{ f('') }}`,
  (n) => `{% macro f(x) %}{% if x > 0 %}{{ f(x - 1) }}{{ f(x - 1) }}{% endif %}{% endmacro %}{{ f(${n}) }}`,
  (n) => `{% macro f(x) %}{{ caller() }}{% endmacro %}${nest('{% call f(1) %}', 'x', '{% endcall %}', n)}`,
  (n) => `{{ 'a\\nb' | indent(${n}000000) }}{{ [1] | tojson(indent=${n}0000000) }}`,
  (n) => `${grow(Math.min(n, 17), 'ns.v ~ ns.v', "'aaaaaaaa'")}{% set f = ns.v.replace %}{{ f('a', ns.v) | length }}`,
  (n) => `${grow(Math.min(n, 17), 'ns.v ~ ns.v', "'a,aaaaaa'")}{{ ns.v.split(',') | length }}{{ ns.v | replace('', ns.v) }}`,
  (n) => `${grow(Math.min(n, 17), 'ns.v ~ ns.v', "'aaaaaaaa'")}{{ (ns.v ~ 'b') in ns.v }}{{ ns.v[::-1] | join(ns.v) }}`,
  (n) => `${grow(Math.min(n, 14), 'ns.v + ns.v', `['${'a'.repeat(n * 50)}']`)}{{ ns.v | sort | unique | join(',') | length }}`,
  (n) => `{{ ${'('.repeat(n * 500)}1${')'.repeat(n * 500)} }}`,
  (n) => `{{ ${Array.from({ length: n * 100 }, () => '1').join(' + ')} }}`,
  (n) => `{% if 1 %}${'{% elif 1 %}'.repeat(n * 20)}{% endif %}${nest('{% if 1 %}', 'x', '{% endif %}', n * 10)}`,
  (n) => `{{ "${'a'.repeat(n * 8_000)}" }}{# ${'b'.repeat(n * 1_000)} #}`,
  (n) => `${' '.repeat(n * 30)}{%- set x = 1 -%}${'\n'.repeat(n * 30)}`,
  (n) => `{% for i in range(10000) %}{% macro f(a) %}${'{{ a }}'.repeat(n * 100)}{% endmacro %}{% endfor %}`,
  (n) => `{% for i in range(${n * 100}) %}{% for j in range(100) %}{{ unknown.name }}{{ unknown }}{% endfor %}{% endfor %}`,
  (n) =>
    `{{ messages.${['constructor', '__proto__', 'prototype', 'toString'][n % 4]} }}{{ ''['constructor']['constructor']('return process')() }}`,
  (n) => `{{ range.${['constructor', 'call', 'apply', 'bind'][n % 4]}('return process.exit(7)')() }}`,
  (n) => `{{ messages[${n}].content.x.y }}{{ 1 // 0 }}{{ 10 ** ${n * 20} }}{{ [1][:${n}:0] }}`,
  (n) => `{{ raise_exception('${'no '.repeat(n * 20)}') }}`,
  (n) => `${'{% set x = '.repeat(n)}{{ {% if `,
  (n) => `{{ strftime_now('${'%Y'.repeat(n * 40)}') }}{% break %}`,
  (n) => `{% filter indent(${n}) %}{% for i in range(10000) %}a\n{% endfor %}{% endfilter %}`,
  (n) =>
    `{% set l = messages %}{{ l | map(attribute='${'content.'.repeat(n * 10)}') | list }}{{ l | selectattr('role', 'equalto', 'user') | list | tojson }}`,
];

/** 510 templates that try to take the process down. */
export function hostileTemplates(): string[] {
  const sizes = [1, 2, 3, 5, 8, 13, 17, 19, 21, 25, 30, 34, 40, 55, 89];
  return families.flatMap((family) => sizes.map(family));
}

/** How rendering ends: `rendered`, or the code of a named error; anything else is a defect. */
export function outcomeOf(source: string): string {
  const messages = [
    { role: 'user', content: 'Hello' },
    { role: 'assistant', content: 'Hi' },
  ];
  try {
    compileTemplate(source).render({ messages, addGenerationPrompt: true, bosToken: '<s>', eosToken: '</s>', now: new Date(0) });
    return 'rendered';
  } catch (error) {
    return error instanceof PlinthError ? error.code : `defect: ${String(error)}`;
  }
}

const isMain = import.meta.url === pathToFileURL(process.argv[1] ?? '').href;
if (isMain) for (const source of hostileTemplates()) process.stdout.write(`${outcomeOf(source)}\n`);

import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { PlinthError } from '../../core/errors/index.ts';
import type { ChatMessage, Tool, ToolOptions } from '../../core/inference/index.ts';
import { buildChatPrompt, compileTemplate, type ChatTemplate, type PromptSegment } from './index.ts';

const controlTokens = ['<|im_start|>', '<|im_end|>', '<s>', '</s>', '[INST]', '<tool_call>'];
const chatMl = compileTemplate(undefined);
const weather: Tool = {
  name: 'get_weather',
  description: 'Tells the weather',
  parameters: { type: 'object', properties: { city: {} } },
  isStrict: true,
};
const offer = (choice: ToolOptions['choice']): ToolOptions => ({ tools: [weather], choice, allowsParallel: true });

function prompt(
  messages: readonly ChatMessage[],
  more: { template?: ChatTemplate; toolOptions?: ToolOptions } = {},
): PromptSegment[] {
  const { template = chatMl, ...rest } = more;
  return buildChatPrompt({ template, messages, controlTokens, bosToken: '<s>', eosToken: '</s>', now: new Date(0), ...rest });
}

const textOf = (segments: readonly PromptSegment[]): string => segments.map(({ text }) => text).join('');
const parsedTokens = (segments: readonly PromptSegment[]): number =>
  segments
    .filter(({ parsesSpecial }) => parsesSpecial === 'yes')
    .reduce((sum, { text }) => sum + (text.match(/<\|im_start\|>|<\|im_end\|>|<\/?s>|\[INST\]|<tool_call>/g)?.length ?? 0), 0);

test("control tokens are parsed in the template's text and plain in the caller's", () => {
  assert.deepEqual(prompt([{ role: 'user', content: 'a<|im_end|>b\n</s>' }]), [
    { text: '<|im_start|>user\na', parsesSpecial: 'yes' },
    { text: '<|im_end|>', parsesSpecial: 'no' },
    { text: 'b\n', parsesSpecial: 'yes' },
    { text: '</s>', parsesSpecial: 'no' },
    { text: '<|im_end|>\n<|im_start|>assistant\n', parsesSpecial: 'yes' },
  ]);
});

test('ordinary text is one segment', () => {
  assert.equal(prompt([{ role: 'user', content: 'if a < b && c > d: [1] | "x" \ue123 naïve 😀' }]).length, 1);
});

const piece = fc.constantFrom(
  '<|im_',
  'end|>',
  '<|',
  'im_end',
  '|>',
  '<',
  's>',
  '/s>',
  '<s',
  '>',
  '<|im_end|>',
  '</s>',
  '[INST',
  ']',
  ' ',
  '\n',
  'CUT',
  'x',
  '\ue010',
  'word ',
  '</s',
);
const userText = fc.array(piece, { maxLength: 6 }).map((parts) => parts.join(''));

/** Templates that try to put tokens together out of what the caller wrote. */
const joining = [
  '{{ bos_token }}{% for m in messages %}{{ m.content }}{{ m.content }}{% endfor %}',
  '{% for m in messages %}<s>{{ m.content | trim }}{% endfor %}',
  "{% for m in messages %}<{{ m.name }}|>{{ m.content.strip() + (m.name or '') }}</s>{% endfor %}",
  "{% for m in messages %}{{ m.content.replace('CUT', '') }}<|im_end|>{% endfor %}",
  "{% for m in messages %}{{ m.content.split('CUT') | join }}{{ m.content[2:] }}{{ m.content | tojson(ensure_ascii=true) }}{% endfor %}",
].map((source) => compileTemplate(source));

test('no text of a caller adds a control token, whatever the template does with it', () => {
  fc.assert(
    fc.property(
      fc.array(fc.tuple(userText, userText), { minLength: 1, maxLength: 3 }),
      fc.constantFrom(chatMl, ...joining),
      (texts, template) => {
        const messages = texts.map(([content, name]): ChatMessage => ({ role: 'user', content, name }));
        const harmless = messages.map((message): ChatMessage => ({ ...message, content: 'plain', name: 'plain' }));
        assert.equal(parsedTokens(prompt(messages, { template })), parsedTokens(prompt(harmless, { template })));
      },
    ),
    { numRuns: 2_000 },
  );
});

test('marking leaves the text as the template renders it', () => {
  fc.assert(
    fc.property(fc.array(userText, { minLength: 1, maxLength: 4 }), (texts) => {
      const messages = texts.map((content): ChatMessage => ({ role: 'user', content }));
      const expected = `${messages.map(({ content }) => `<|im_start|>user\n${content}<|im_end|>\n`).join('')}<|im_start|>assistant\n`;
      assert.equal(textOf(prompt(messages)), expected);
    }),
  );
});

test('tools are explained in the system message of a template that knows none', () => {
  const written = textOf(
    prompt(
      [
        { role: 'system', content: 'Be brief.' },
        { role: 'user', content: 'Hi' },
      ],
      { toolOptions: offer({ type: 'auto' }) },
    ),
  );
  assert.match(
    written,
    /^<\|im_start\|>system\nBe brief\.\n\n[^]*"name":"get_weather"[^]*<tool_call>[^]*<\|im_end\|>\n<\|im_start\|>user\nHi<\|im_end\|>/,
  );
  const hidden = textOf(prompt([{ role: 'user', content: 'Hi' }], { toolOptions: offer({ type: 'none' }) }));
  assert.ok(!hidden.includes('get_weather'));
});

test('calls and results become turns of text', () => {
  const messages: ChatMessage[] = [
    { role: 'user', content: 'Weather?' },
    {
      role: 'assistant',
      content: '',
      toolCalls: [{ id: 'call_1', name: 'get_weather', arguments: '{"city": "Bonn\\u003cs>"}' }],
    },
    { role: 'tool', content: '3 degrees</s>', toolCallId: 'call_1' },
    { role: 'tool', content: 'windy', toolCallId: 'call_2' },
  ];
  const segments = prompt(messages);
  const written = textOf(segments);
  assert.ok(
    written.includes('assistant\n<tool_call>\n{"name": "get_weather", "arguments": {"city":"Bonn<s>"}}\n</tool_call><|im_end|>'),
  );
  assert.ok(
    written.includes(
      'user\n<tool_response>\n3 degrees</s>\n</tool_response>\n\n<tool_response>\nwindy\n</tool_response><|im_end|>',
    ),
  );
  assert.deepEqual(
    segments.filter(({ parsesSpecial }) => parsesSpecial === 'no').map(({ text }) => text),
    ['<s>', '</s>'],
  );
});

test('a template that handles tools gets them and the messages as they are', () => {
  const source =
    '{% if tools %}{{ tools | tojson }}{% endif %}{% for m in messages %}{{ m.role }}: {{ m.content }}{% for c in m.tool_calls or [] %}' +
    "<tool_call>{{ {'name': c.function.name, 'arguments': c.function.arguments} | tojson }}</tool_call>{% endfor %};{% endfor %}";
  const template = compileTemplate(source);
  assert.ok(template.handlesTools);
  const calls = [{ id: 'call_1', name: 'get_weather', arguments: '{"city":"Bonn"}' }];
  const written = textOf(
    prompt(
      [
        { role: 'user', content: 'Hi' },
        { role: 'assistant', content: '', toolCalls: calls },
        { role: 'tool', content: 'cold', toolCallId: 'call_1' },
      ],
      {
        template,
        toolOptions: offer({ type: 'auto' }),
      },
    ),
  );
  assert.match(written, /^\[\{"type": "function", "function": \{"name": "get_weather"/);
  assert.ok(
    written.endsWith(
      'user: Hi;assistant: <tool_call>{"name": "get_weather", "arguments": {"city": "Bonn"}}</tool_call>;tool: cold;',
    ),
  );
});

test('a template that refuses or drops a system message gets it in the first turn', () => {
  const refusing = "{% if messages[0].role == 'system' %}{{ raise_exception('no system') }}{% endif %}";
  const dropping = "{% for m in messages if m.role != 'system' %}[{{ m.role }}] {{ m.content }}{% endfor %}";
  const messages: ChatMessage[] = [
    { role: 'system', content: 'Be brief.' },
    { role: 'user', content: 'Hi' },
  ];
  for (const source of [refusing + dropping, dropping]) {
    assert.equal(textOf(prompt(messages, { template: compileTemplate(source) })), '[user] Be brief.\n\nHi');
  }
});

test('a refusal that folding does not help is told in the words of the template', () => {
  const template = compileTemplate("{{ raise_exception('Nothing suits me') }}");
  const isRefusal = (error: unknown): boolean =>
    error instanceof PlinthError && error.code === 'invalid_request' && error.message === 'Nothing suits me';
  assert.throws(
    () =>
      prompt(
        [
          { role: 'system', content: 'x' },
          { role: 'user', content: 'y' },
        ],
        { template },
      ),
    isRefusal,
  );
});

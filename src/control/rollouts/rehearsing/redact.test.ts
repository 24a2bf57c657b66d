import assert from 'node:assert/strict';
import { test } from 'node:test';
import { greedySampling, type GenerateRequest, type InferenceRequest } from '../../../core/inference/index.ts';
import { redact } from './redact.ts';

const head = { id: 'req_1', model: 'm', timeLeftMs: 1000 };
const MAIL = 'ada@example.org';

function generate(fields: Partial<GenerateRequest>): GenerateRequest {
  return {
    kind: 'generate',
    ...head,
    prompts: [],
    choiceCount: 1,
    sampling: greedySampling,
    stop: [],
    constraint: { type: 'text' },
    echoesPrompt: false,
    ignoresEnd: false,
    ...fields,
  };
}

test('every text of a conversation is redacted, and nothing else changes', () => {
  const request = generate({
    prompts: [
      {
        type: 'chat',
        messages: [
          { role: 'user', content: `Mail ${MAIL}`, name: MAIL },
          {
            role: 'assistant',
            content: '',
            toolCalls: [
              { id: 'c', name: 'send', arguments: `{"to":"${MAIL}","n":[1,null,true]}` },
              { id: 'd', name: 'send', arguments: `{"to":"${MAIL}` },
            ],
          },
          { role: 'tool', content: `sent to ${MAIL}`, toolCallId: 'c' },
        ],
      },
      { type: 'text', text: MAIL, suffix: `; ${MAIL}` },
    ],
    stop: [MAIL],
    constraint: { type: 'json-schema', schema: { type: 'object', properties: { a: { enum: [MAIL, 1] } } }, param: 'p' },
    toolOptions: {
      tools: [{ name: 'send', description: `to ${MAIL}`, parameters: { type: 'object', description: MAIL }, isStrict: true }],
      choice: { type: 'auto' },
      allowsParallel: true,
    },
    answerStart: MAIL,
  });
  const redacted = redact(request);
  const expected = JSON.parse(JSON.stringify({ ...request, id: '' }).replaceAll(MAIL, '[e-mail]')) as unknown;
  assert.deepEqual(JSON.parse(JSON.stringify(redacted?.request)), expected);
  assert.deepEqual(redacted?.counts, { 'e-mail': 12 });
});

test('texts of every other kind of request are redacted', () => {
  const requests: InferenceRequest[] = [
    { kind: 'embed', ...head, inputs: [{ type: 'text', text: MAIL }] },
    { kind: 'score', ...head, pairs: [{ first: MAIL, second: `x ${MAIL}` }], scale: 'logit', overlong: 'cut' },
    { kind: 'classify', ...head, inputs: [{ text: MAIL, pair: MAIL }, { text: MAIL }], scale: 'logit', overlong: 'cut' },
  ];
  for (const request of requests) {
    const text = JSON.stringify(redact(request)?.request);
    assert.equal(text, JSON.stringify({ ...request, id: '' }).replaceAll(MAIL, '[e-mail]'));
  }
});

function strings(...elements: readonly Uint8Array[]): Uint8Array {
  return new Uint8Array(
    Buffer.concat(
      elements.flatMap((element) => {
        const length = Buffer.alloc(4);
        length.writeUInt32LE(element.length);
        return [length, element];
      }),
    ),
  );
}

test('strings of tensors and parameters are redacted, numbers and other bytes are not', () => {
  const bytes = Uint8Array.of(0xff, 0xfe, 0x40);
  const numbers = { name: 'n', datatype: 'FP32', shape: [1], data: Uint8Array.of(1, 2, 3, 4) } as const;
  const request: InferenceRequest = {
    kind: 'tensors',
    ...head,
    inputs: [{ name: 's', datatype: 'BYTES', shape: [3], data: strings(Buffer.from(MAIL), bytes, Buffer.from('é')) }, numbers],
    parameters: { to: MAIL, n: 1 },
  };
  const redacted = redact(request)?.request;
  assert.ok(redacted?.kind === 'tensors');
  assert.deepEqual(redacted.parameters, { to: '[e-mail]', n: 1 });
  assert.deepEqual(redacted.inputs, [
    { name: 's', datatype: 'BYTES', shape: [3], data: strings(Buffer.from('[e-mail]'), bytes, Buffer.from('é')) },
    numbers,
  ]);
});

test('what cannot be redacted, or not be asked again, is not kept', () => {
  const sequence = { id: 's', idType: 'text', isStart: true, isEnd: false } as const;
  const requests: InferenceRequest[] = [
    generate({
      prompts: [
        { type: 'text', text: 'a' },
        { type: 'tokens', tokens: [1] },
      ],
    }),
    { kind: 'embed', ...head, inputs: [{ type: 'tokens', tokens: [1] }] },
    { kind: 'recognize', ...head, image: new Uint8Array(4) },
    { kind: 'transcribe', ...head, audio: new Uint8Array(4), task: 'transcribe', temperature: 0, timestamps: 'none' },
    { kind: 'tensors', ...head, inputs: [], parameters: {}, sequence },
  ];
  for (const request of requests) assert.equal(redact(request), undefined);
});

test('JSON that is nested without end is cut off', () => {
  let schema: { a: unknown } = { a: MAIL };
  for (let depth = 0; depth < 5000; depth++) schema = { a: schema };
  const request = generate({ constraint: { type: 'json-schema', schema: schema as never, param: 'p' } });
  assert.ok(JSON.stringify(redact(request)?.request).length < 5000);
});

test('names of fields and numbers in arguments are redacted like texts', () => {
  const toolCalls = [{ id: 'c', name: 'pay', arguments: `{"${MAIL}":4111111111111111,"n":12.5}` }];
  const request = generate({ prompts: [{ type: 'chat', messages: [{ role: 'assistant', content: '', toolCalls }] }] });
  const redacted = JSON.stringify(redact(request)?.request);
  assert.ok(!redacted.includes(MAIL) && !redacted.includes('4111'), redacted);
  assert.match(redacted, /\[e-mail\].*:0,.*12\.5/);
});

import assert from 'node:assert/strict';
import { after, describe, test } from 'node:test';
import fc from 'fast-check';
import { PlinthError } from '../../../core/errors/index.ts';
import type {
  ClassifyRequest,
  EmbedRequest,
  InferenceEvent,
  InferenceRequest,
  ScoreRequest,
} from '../../../core/inference/index.ts';
import { TinyModels, WORDS, type TextTask, type TinyTextModel } from '../../../../tests/support/text-models.ts';

const models = new TinyModels();
after(() => models.close());

const head = { id: 'r', model: 'tiny', timeLeftMs: 1_000 };
const embed = (texts: readonly string[], more: Partial<EmbedRequest> = {}): EmbedRequest => ({
  ...head,
  kind: 'embed',
  inputs: texts.map((text) => ({ type: 'text', text })),
  ...more,
});
const score = (pairs: ScoreRequest['pairs'], more: Partial<ScoreRequest> = {}): ScoreRequest => ({
  ...head,
  kind: 'score',
  pairs,
  scale: 'logit',
  overlong: 'cut',
  ...more,
});
const classify = (inputs: ClassifyRequest['inputs'], more: Partial<ClassifyRequest> = {}): ClassifyRequest => ({
  ...head,
  kind: 'classify',
  inputs,
  scale: 'probability',
  overlong: 'cut',
  ...more,
});

/** The events of a request whose items all share one batch. */
async function run(task: TextTask, request: InferenceRequest): Promise<InferenceEvent[]> {
  const items = await task.prepare(request);
  const { outcomes } = task.execute(items);
  const events = outcomes.flatMap((outcome) =>
    outcome.type === 'failed' ? assert.fail(outcome.error.message) : [...outcome.events],
  );
  return [...events, ...task.conclude(request, items)];
}

const vectorsOf = (events: readonly InferenceEvent[]): number[][] =>
  events.flatMap((event) => (event.type === 'embedding' ? [floats(event.values)] : []));
const scoresOf = (events: readonly InferenceEvent[]): number[] =>
  events.flatMap((event) => (event.type === 'score' ? [event.score] : []));
const floats = (bytes: Uint8Array): number[] => Array.from(new Float32Array(new Uint8Array(bytes).buffer), round);
const round = (value: number): number => Math.round(value * 1e4) / 1e4;
/** Each of two values in a vector of unit length. */
const half = round(Math.SQRT1_2);
const codeOf = (thrown: unknown): string => (thrown instanceof PlinthError ? thrown.code : String(thrown));

/** [CLS] and [SEP] weigh nothing, each colour has a direction of its own. */
const directions = WORDS.map((word) => [word === 'red' ? 1 : 0, word === 'green' ? 1 : 0, word === 'blue' ? 1 : 0]);
const numbers = WORDS.map((_, id) => [id < 4 ? 0 : id]);

describe('an embedding model', () => {
  const task = models.open({ task: 'embed', weights: directions });

  test('many texts of a request that has ended are read no further', async () => {
    const life = { isEnded: false };
    const coming = task.prepare(embed(Array.from({ length: 500 }, () => 'red')), life);
    life.isEnded = true;
    assert.ok((await coming).length < 500);
  });

  test('vectors are the mean of the tokens, of unit length', async () => {
    const events = await run(task, embed(['red', 'red green', 'reds']));
    assert.deepEqual(vectorsOf(events), [
      [1, 0, 0],
      [half, half, 0],
      [1, 0, 0],
    ]);
    assert.deepEqual(
      events.map((event) => (event.type === 'embedding' ? event.index : -1)),
      [0, 1, 2],
    );
  });

  test('padding changes nothing: a text has the same vector in every company', async () => {
    const text = fc
      .array(fc.constantFrom('red', 'green', 'blue', 'mauve'), { minLength: 1, maxLength: 6 })
      .map((words) => words.join(' '));
    await fc.assert(
      fc.asyncProperty(fc.array(text, { minLength: 1, maxLength: 5 }), async (texts) => {
        const together = vectorsOf(await run(task, embed(texts)));
        const alone = await Promise.all(texts.map(async (one) => vectorsOf(await run(task, embed([one])))[0]));
        assert.deepEqual(together, alone);
      }),
      { numRuns: 40 },
    );
  });

  test('any text at all is read, up to the tokens that the model takes', async () => {
    await fc.assert(
      fc.asyncProperty(fc.string({ unit: 'binary', maxLength: 400 }), async (text) => {
        const [item] = await task.prepare(embed([text], { overlong: 'cut' }));
        assert.ok(item !== undefined && item.promptTokens >= 2 && item.promptTokens <= 8);
        assert.ok(item.encoded.ids.every((id) => id >= 0 && id < WORDS.length));
      }),
    );
    assert.equal((await task.prepare(embed(['\ud800'])))[0]?.promptTokens, 3);
  });

  test('fewer dimensions are the first ones, normalised again', async () => {
    assert.deepEqual(vectorsOf(await run(task, embed(['red green blue'], { dimensions: 2 }))), [[half, half]]);
    assert.throws(() => task.prepare(embed(['red'], { dimensions: 4 })), { code: 'invalid_request', message: /at most 3/ });
  });

  test('token ids are taken as they are, and foreign ones refused by place', async () => {
    const red = WORDS.indexOf('red');
    const tokens = (ids: number[]): EmbedRequest => embed([], { inputs: [{ type: 'tokens', tokens: ids }] });
    assert.deepEqual(vectorsOf(await run(task, tokens([red]))), [[1, 0, 0]]);
    for (const id of [-1, WORDS.length]) {
      assert.throws(
        () => task.prepare(tokens([red, id])),
        (thrown) => thrown instanceof PlinthError && thrown.facts.param === 'input[1]' && codeOf(thrown) === 'invalid_request',
      );
    }
  });

  test('a text that is too long is refused with its place, or cut when that is wanted', async () => {
    const long = 'red '.repeat(7);
    assert.throws(
      () => task.prepare(embed(['red', long])),
      (thrown) =>
        codeOf(thrown) === 'context_length_exceeded' && thrown instanceof PlinthError && thrown.facts.param === 'input[1]',
    );
    const items = await task.prepare(embed([long], { overlong: 'cut' }));
    assert.equal(items[0]?.promptTokens, 8);
    assert.equal((await task.prepare(embed(['red '.repeat(6)])))[0]?.promptTokens, 8);
  });

  test('a text of a million characters costs no more than the model can read', async () => {
    const items = await task.prepare(embed([`${'red '.repeat(250_000)}`], { overlong: 'cut' }));
    assert.equal(items[0]?.promptTokens, 8);
    assert.throws(() => task.prepare(embed(['x'.repeat(1_000_000)])), { code: 'context_length_exceeded' });
  });

  test('many texts come as many items, in order', async () => {
    const items = await task.prepare(embed(Array.from({ length: 100 }, () => 'red')));
    assert.deepEqual(
      items.map((item) => item.index),
      Array.from({ length: 100 }, (_, index) => index),
    );
  });

  test('pairs are scored by the cosine of their vectors, and each text is read once', async () => {
    const request = score([
      { first: 'red', second: 'red' },
      { first: 'red', second: 'green' },
      { first: 'red', second: 'red green' },
    ]);
    assert.equal((await task.prepare(request)).length, 3);
    const events = await run(task, request);
    assert.deepEqual(scoresOf(events).map(round), [1, 0, half]);
    assert.ok(events.every((event) => event.type === 'score' && event.by === 'embedding'));
  });

  test('what it can do is told, and what it cannot is refused', () => {
    assert.deepEqual(task.facts.capabilities, ['embed', 'score']);
    assert.deepEqual([task.facts.embeddingDimensions, task.facts.contextTokens], [3, 8]);
    assert.throws(() => task.prepare(classify([{ text: 'red' }])), { code: 'unsupported_capability' });
  });
});

const poolings: ReadonlyArray<readonly [name: string, config: object, expected: readonly number[]]> = [
  ['the first token', { pooling_mode_cls_token: true }, [0, 0, 1]],
  ['the last token', { pooling_mode_lasttoken: true }, [0, 1, 0]],
  ['the mean', { pooling_mode_mean_tokens: true, pooling_mode_cls_token: false }, [0.5774, 0.5774, 0.5774]],
  ['the largest of each value', { pooling_mode_max_tokens: true }, [0.5774, 0.5774, 0.5774]],
  ['a mean that counts later tokens more', { pooling_mode_weightedmean_tokens: true }, [0.5345, 0.8018, 0.2673]],
  ['the newer spelling', { pooling_mode: 'cls' }, [0, 0, 1]],
];

for (const [name, config, expected] of poolings) {
  test(`tokens are pooled as the model says: ${name}`, async () => {
    const weights = WORDS.map((word) => [word === 'red' ? 1 : 0, word === '[SEP]' ? 1 : 0, word === '[CLS]' ? 1 : 0]);
    const task = models.open({ task: 'embed', weights, files: { '1_Pooling/config.json': config } });
    assert.deepEqual(vectorsOf(await run(task, embed(['red']))), [expected]);
  });
}

test('the model’s own limit, prompt and case are followed', async () => {
  const task = models.open({
    task: 'embed',
    weights: directions,
    files: {
      'sentence_bert_config.json': { max_seq_length: 5, do_lower_case: true },
      'config_sentence_transformers.json': { prompts: { query: 'blue ' }, default_prompt_name: 'query' },
    },
  });
  assert.equal(task.facts.contextTokens, 5);
  assert.deepEqual(vectorsOf(await run(task, embed(['RED']))), [[half, 0, half]]);
});

describe('a cross-encoder', () => {
  const config = { id2label: { '0': 'LABEL_0' } };
  const task = models.open({ task: 'score', weights: numbers, config });
  const red = WORDS.indexOf('red');
  const green = WORDS.indexOf('green');

  test('the second text of a pair is marked as such', async () => {
    const pairs = [
      { first: 'red', second: 'green' },
      { first: 'green', second: 'red' },
    ];
    const events = await run(task, score(pairs));
    assert.deepEqual(scoresOf(events), [red + 2 * green, green + 2 * red]);
    assert.ok(events.every((event) => event.type === 'score' && event.by === 'cross-encoder'));
  });

  test('a probability is the logit squeezed', async () => {
    const [value = 0] = scoresOf(await run(task, score([{ first: 'red', second: 'x' }], { scale: 'probability' })));
    assert.ok(Math.abs(value - 1 / (1 + Math.exp(-red))) < 1e-6);
  });

  test('of a pair that is too long the longer text is cut first, or the pair refused', async () => {
    const long = { first: 'red', second: 'green green green green green green' };
    assert.deepEqual(scoresOf(await run(task, score([long]))), [red + 2 * 4 * green]);
    const longFirst = { first: 'red red red red red red', second: 'green' };
    assert.deepEqual(scoresOf(await run(task, score([longFirst]))), [4 * red + 2 * green]);
    const both = { first: 'red red red red red', second: 'green green green green' };
    assert.deepEqual(scoresOf(await run(task, score([both]))), [3 * red + 2 * 2 * green]);
    assert.throws(() => task.prepare(score([long], { overlong: 'refuse' })), { code: 'context_length_exceeded' });
  });

  test('it also names its one class', async () => {
    const [event] = await run(task, classify([{ text: 'red', pair: 'green' }], { scale: 'logit' }));
    assert.deepEqual(event, {
      type: 'classification',
      index: 0,
      classes: [{ classIndex: 0, label: 'LABEL_0', score: red + 2 * green }],
    });
    assert.deepEqual(task.facts.capabilities, ['score', 'classify']);
  });
});

describe('a classifier', () => {
  const weights = WORDS.map((word) => [word === 'red' ? 1 : 0, word === 'green' ? 2 : 0, 0]);
  const config = { id2label: { '0': 'warm', '1': 'cold' } };
  const open = (more: Partial<TinyTextModel> = {}): TextTask => models.open({ task: 'classify', weights, config, ...more });

  test('classes come best first, as the softmax of the logits, unnamed ones by number', async () => {
    const task = open();
    const [event] = await run(task, classify([{ text: 'red' }]));
    assert.ok(event?.type === 'classification');
    const total = Math.E + 2;
    assert.deepEqual(
      event.classes.map(({ label, classIndex, score: value }) => [label, classIndex, Math.round(value * 1e6)]),
      [
        ['warm', 0, Math.round((Math.E / total) * 1e6)],
        ['cold', 1, Math.round((1 / total) * 1e6)],
        ['LABEL_2', 2, Math.round((1 / total) * 1e6)],
      ],
    );
    assert.deepEqual(task.facts.capabilities, ['classify']);
    assert.throws(() => task.prepare(score([{ first: 'a', second: 'b' }])), { code: 'unsupported_capability' });
  });

  test('where several classes may hold each has a probability of its own', async () => {
    const task = open({ config: { ...config, problem_type: 'multi_label_classification' } });
    const [event] = await run(task, classify([{ text: 'green' }]));
    assert.ok(event?.type === 'classification');
    const [best] = event.classes;
    assert.equal(best?.label, 'cold');
    assert.ok(Math.abs((best?.score ?? 0) - 1 / (1 + Math.exp(-2))) < 1e-6);
  });
});

const refusals: ReadonlyArray<readonly [name: string, model: TinyTextModel, message: RegExp]> = [
  [
    'two ways of pooling at once',
    embedWith({ '1_Pooling/config.json': { pooling_mode_cls_token: true, pooling_mode_mean_tokens: true } }),
    /one of/,
  ],
  [
    'a step behind the graph',
    embedWith({ 'modules.json': [{ type: 'sentence_transformers.models.Dense' }] }),
    /Dense.*not served/,
  ],
  ['a tokenizer of no known kind', embedWith({ 'tokenizer.json': { model: { type: 'Magic' } } }), /tokenizer\.json/],
  ['a configuration of the wrong shape', embedWith({ 'config.json': { vocab_size: 'many' } }), /config\.json.*vocab_size/],
  ['several logits for a score', { task: 'score', weights: directions }, /one logit/],
];

function embedWith(files: Readonly<Record<string, unknown>>): TinyTextModel {
  return { task: 'embed', weights: directions, files };
}

for (const [name, model, message] of refusals) {
  test(`a model with ${name} is refused by name`, () => {
    assert.throws(() => models.open(model), { code: 'invalid_model_file', message });
  });
}

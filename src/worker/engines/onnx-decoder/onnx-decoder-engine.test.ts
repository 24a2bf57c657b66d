import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, afterEach, suite, test } from 'node:test';
import { obtainDecoder } from '../../../../tests/support/decoder-model.ts';
import { PlinthError } from '../../../core/errors/index.ts';
import { greedySampling } from '../../../core/inference/index.ts';
import { defaultOnnxOptions, type ModelSpec } from '../../../core/models/index.ts';
import type { Step } from '../engine.ts';
import { openOnnxDecoder } from './index.ts';

const spec: ModelSpec = {
  name: 'decoder',
  version: '1',
  engine: 'onnx',
  task: 'generate',
  onnx: defaultOnnxOptions,
  slots: 3,
  contextTokens: 512,
  threads: 1,
  gpuLayers: 0,
  queueLength: 8,
  queueTimeoutMs: 1000,
  memoryLimitBytes: 0,
  stepMs: 0,
  ...(await obtainDecoder()),
};

const engine = openOnnxDecoder(spec);
const row = (slot: number, tokens: readonly number[], position: number) => ({ slot, tokens, position, outputs: 'last' as const });
const stepOf = (rows: Step['rows'], precision: Step['precision'] = 'fast'): Step => ({ rows, results: 'logits', precision });

function promptOf(words: string): number[] {
  const text = `<|im_start|>system\nYou are a helpful assistant<|im_end|>\n<|im_start|>user\n${words}<|im_end|>\n<|im_start|>assistant\n`;
  return engine.tokenize([{ text, parsesSpecial: 'yes' }], { addsSpecial: 'yes' });
}

/** What the most likely tokens are, one after the other. */
function answer(prompt: readonly number[], precision: Step['precision'], slot = 0): number[] {
  const sampler = engine.createSampler({ parameters: greedySampling, seed: 1, promptTokens: prompt, ignoresEnd: 'no' });
  const tokens = [...prompt];
  for (let position = 0; tokens.length < prompt.length + 12;) {
    const fed = tokens.slice(position);
    engine.execute(stepOf([row(slot, fed, position)], precision));
    position = tokens.length;
    tokens.push(sampler.sample(fed.length - 1));
  }
  return tokens.slice(prompt.length);
}

/**
 * Token ids that a loop around the Python package onnxruntime gives, whose prompt is read at once or token by token. The model's
 * 8-bit arithmetic scales its inputs by the largest of a run, so the two differ.
 */
const expected = [
  {
    words: 'What is the capital of France?',
    atOnce: [201, 19, 16, 223, 5134, 2207, 201, 20, 16, 223, 5134, 2207],
    oneByOne: [1148, 3167, 2777, 303, 6091, 697, 370, 614, 5882, 16, 2, 201],
  },
  {
    words: '你好,请介绍一下自己。',
    atOnce: [307, 201, 19, 16, 223, 5134, 270, 397, 5515, 1541, 814, 307],
    oneByOne: [5134, 2207, 1046, 654, 2486, 424, 428, 608, 2504, 867, 286, 608],
  },
  {
    words: 'Write one sentence about the sea.',
    atOnce: [803, 270, 223, 453, 587, 800, 1794, 2207, 2, 201, 95, 4889],
    oneByOne: [1148, 4906, 370, 260, 293, 707, 6216, 14, 868, 3334, 1513, 309],
  },
];

suite('language models in ONNX Runtime', () => {
  after(() => engine.close());
  afterEach(() => {
    engine.reclaim();
    for (let slot = 0; slot < spec.slots; slot++) engine.keepPrefix(slot, 0);
  });

  test('facts come from the configuration beside the graph', () => {
    assert.deepEqual(engine.facts, {
      architecture: 'llama',
      parameterCount: 25_829_888,
      quantization: 'INT8',
      fileBytes: 29_667_782,
      engine: 'ONNX Runtime 1.30.0 cpu',
      contextTokens: 512,
      embeddingDimensions: 512,
      slots: 3,
      capabilities: ['chat', 'completion'],
    });
    assert.equal(engine.vocabularySize, 6400);
    assert.equal(engine.threads(), 1);
    const { prompting } = engine;
    assert.ok(prompting.type === 'template' && prompting.source?.includes('<|im_start|>'));
    assert.deepEqual([prompting.bosText, prompting.eosText], ['<|im_start|>', '<|im_end|>']);
    assert.deepEqual(prompting.controlTokens, ['<|endoftext|>', '<|im_start|>', '<|im_end|>']);
  });

  for (const { words, atOnce, oneByOne } of expected) {
    test(`'${words}' is answered as by a plain loop around the library`, () => {
      assert.deepEqual(answer(promptOf(words), 'fast'), atOnce);
      engine.keepPrefix(0, 0);
      assert.deepEqual(answer(promptOf(words), 'exact'), oneByOne);
    });
  }

  test('control tokens are read from templates and never from words of a caller', () => {
    const read = (parsesSpecial: 'yes' | 'no') => engine.tokenize([{ text: '<|im_end|>', parsesSpecial }], { addsSpecial: 'no' });
    assert.deepEqual(read('yes'), [2]);
    const plain = read('no');
    assert.ok(!plain.includes(2));
    assert.equal(Buffer.concat(plain.map((token) => engine.tokenBytes(token))).toString(), '<|im_end|>');
    assert.deepEqual([engine.isEnd(2), engine.isEnd(1148), engine.tokenBytes(2).length], [true, false, 0]);
  });

  test('every row of a step has its own results', () => {
    const texts = ['The sea', 'One two three', 'a'].map((text) =>
      engine.tokenize([{ text, parsesSpecial: 'no' }], { addsSpecial: 'yes' }),
    );
    const alone = texts.map((tokens, slot) => {
      engine.execute(stepOf([row(slot, tokens, 0)]));
      return engine.logprobs(tokens.length - 1, { token: 5, top: 3 });
    });
    for (let slot = 0; slot < 3; slot++) engine.keepPrefix(slot, 0);
    assert.equal(engine.execute(stepOf(texts.map((tokens, slot) => row(slot, tokens, 0)))), 'fast');
    let output = -1;
    const together = texts.map((tokens) => engine.logprobs((output += tokens.length), { token: 5, top: 3 }));
    assert.deepEqual(together, alone);
  });

  test('a step gives results for all tokens that were asked for and for no others', () => {
    const tokens = [10, 20, 30];
    engine.execute(stepOf([{ ...row(0, tokens, 0), outputs: 'all' }], 'exact'));
    const scores = tokens.map((_, at) => engine.logprobs(at, { token: 1, top: 0 }).logprob);
    engine.keepPrefix(0, 0);
    assert.equal(engine.execute(stepOf([{ ...row(0, tokens, 0), outputs: 'last' }], 'exact')), 'exact');
    assert.equal(engine.logprobs(2, { token: 1, top: 0 }).logprob, scores[2]);
    assert.throws(() => engine.logprobs(0, { token: 1, top: 0 }), PlinthError);
    assert.equal(new Set(scores).size, 3);
  });

  test('a slot that shares a prefix goes its own way without touching the other', () => {
    const prompt = promptOf('List three colors.');
    const expectedTokens = answer(prompt, 'exact', 1);
    const length = prompt.length - 1;
    engine.copyPrefix(1, 2, length);
    engine.execute(stepOf([row(2, [77, 78, 79], length)], 'exact'));
    engine.keepPrefix(1, length);
    engine.execute(stepOf([row(1, prompt.slice(length), length)], 'exact'));
    const { top } = engine.logprobs(0, { token: 0, top: 1 });
    assert.deepEqual(top[0]?.bytes, [...engine.tokenBytes(expectedTokens[0] ?? 0)]);
  });

  test('a full pool computes nothing, and buried tokens keep their room until it is reclaimed', () => {
    const many = Array.from({ length: 300 }, (_, at) => at + 10);
    assert.notEqual(engine.execute(stepOf([row(0, many, 0)])), 'no-room');
    assert.equal(engine.execute(stepOf([row(1, many, 0)])), 'no-room');
    engine.buryTail(0, 100);
    assert.equal(engine.execute(stepOf([row(1, many, 0)])), 'no-room');
    engine.reclaim();
    assert.notEqual(engine.execute(stepOf([row(1, many, 0)])), 'no-room');
  });

  test('a grammar is refused rather than ignored', () => {
    const options = { parameters: greedySampling, seed: 1, promptTokens: [], ignoresEnd: 'no', grammar: 'root ::= "a"' } as const;
    assert.throws(() => engine.createSampler(options), { code: 'unsupported_schema' });
  });

  test('long use keeps no memory', () => {
    const work = (rounds: number) => {
      for (let i = 0; i < rounds; i++) {
        engine.keepPrefix(0, 0);
        engine.keepPrefix(1, 0);
        engine.execute(
          stepOf([
            row(
              0,
              Array.from({ length: 100 + (i % 50) }, () => 9),
              0,
            ),
          ]),
        );
        engine.copyPrefix(0, 1, 50);
        for (let at = 50; at < 55; at++) engine.execute(stepOf([row(1, [at], at)]));
      }
    };
    work(20);
    const before = process.memoryUsage.rss();
    work(60);
    assert.ok(process.memoryUsage.rss() - before < 60e6);
  });

  test('a folder without a tokenizer is refused', () => {
    const folderPath = mkdtempSync(join(tmpdir(), 'plinth-decoder-'));
    try {
      assert.throws(() => openOnnxDecoder({ ...spec, folderPath }), { code: 'invalid_model_file', message: /config\.json/ });
      writeFileSync(join(folderPath, 'config.json'), '{"vocab_size": "many"}');
      assert.throws(() => openOnnxDecoder({ ...spec, folderPath }), { code: 'invalid_model_file', message: /vocab_size/ });
      writeFileSync(join(folderPath, 'config.json'), '{}');
      assert.throws(() => openOnnxDecoder({ ...spec, folderPath }), { code: 'invalid_model_file', message: /tokenizer\.json/ });
      writeFileSync(join(folderPath, 'tokenizer.json'), '{');
      assert.throws(() => openOnnxDecoder({ ...spec, folderPath }), { code: 'invalid_model_file', message: /not valid JSON/ });
    } finally {
      rmSync(folderPath, { recursive: true });
    }
  });
});

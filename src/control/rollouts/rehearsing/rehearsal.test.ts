import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { writeDamagedModel } from '../../../../tests/support/damaged-model.ts';
import { openVersions, type OpenVersions } from '../../../../tests/support/inside-port.ts';
import { obtainModel } from '../../../../tests/support/test-model.ts';
import { PlinthError } from '../../../core/errors/index.ts';
import { greedySampling, type GenerateRequest, type InferenceEvent } from '../../../core/inference/index.ts';
import type { InferencePort } from '../../../core/messages/index.ts';
import { createLogger } from '../../../core/telemetry/index.ts';
import { openBook, type Book } from '../../book/index.ts';
import { createAssessor } from '../assessing/index.ts';
import { rolloutPlanSchema } from '../rollout-plan.ts';
import { createCaptureWriter } from './capture-writer.ts';
import { rehearse, type RehearsalGround, type RehearsalOrder, type RehearsalProgress } from './rehearsal.ts';

const folder = mkdtempSync(join(tmpdir(), 'plinth-rehearsal-'));
const logger = createLogger({ level: 'silent' });
let book: Book;
let versions: OpenVersions;
let ground: RehearsalGround;

const QUESTIONS = [
  'What is rain?',
  'Name three colours of the rainbow.',
  'Write a sentence about the sea.',
  'What do bees make?',
  'Why is the sky blue?',
  'Tell me about bread.',
  'How do birds fly?',
  'What is a forest?',
  'Describe a mountain.',
  'Who teaches in a school?',
];

before(async () => {
  book = await openBook({ home: folder });
  const { filePath } = await obtainModel('smollm2');
  const damaged = join(folder, 'damaged.gguf');
  await writeDamagedModel(filePath, { to: damaged, every: 30 });
  versions = await openVersions([
    { name: 'chat', version: '1', engine: 'llama', filePath },
    { name: 'chat', version: '2', engine: 'llama', filePath: damaged },
    { name: 'parrot', version: '1' },
    { name: 'parrot', version: '2' },
  ]);
  const assessor = createAssessor({ inference: versions, isServed: () => false, logger });
  const kept = { ensureLoaded: () => Promise.resolve(), keepLoaded: () => () => undefined };
  ground = { inference: versions, records: book, assessor, ...kept };
  const writer = createCaptureWriter({ records: book, mostPerModel: 100, logger });
  for (const [at, content] of QUESTIONS.entries()) {
    writer.capture(question('chat', content), at);
    writer.capture(question('parrot', content), at);
  }
  await writer.close();
});

after(async () => {
  await versions.close();
  await book.close();
  rmSync(folder, { recursive: true });
});

function question(model: string, content: string): GenerateRequest {
  return {
    kind: 'generate',
    id: 'r',
    model,
    timeLeftMs: 1,
    prompts: [{ type: 'chat', messages: [{ role: 'user', content }] }],
    choiceCount: 1,
    sampling: greedySampling,
    maxTokens: 16,
    stop: [],
    constraint: { type: 'text' },
    echoesPrompt: false,
    ignoresEnd: false,
  };
}

function order(fields: Partial<RehearsalOrder> = {}): RehearsalOrder {
  const plan = rolloutPlanSchema.parse({ leastObservations: 5 });
  return { model: 'parrot', baseline: '1', candidate: '2', most: 100, plan, signal: AbortSignal.timeout(300_000), ...fields };
}

const isCode = (code: string) => (error: unknown) => error instanceof PlinthError && error.code === code;

test('a damaged version fails on what it says, before any caller has met it', async () => {
  const report = await rehearse(ground, order({ model: 'chat' }));
  assert.equal(report.verdict, 'fail', JSON.stringify(report));
  assert.ok(report.failed.includes('perplexity') || report.failed.includes('similarity'), JSON.stringify(report.failed));
  assert.ok(!report.failed.includes('errors') && !report.failed.includes('timeouts'));
  assert.deepEqual([report.requests, report.compared], [10, 10]);
});

test('a version that says the same passes, and the progress tells how far it is', async () => {
  const progress: RehearsalProgress[] = [];
  const report = await rehearse(ground, order({ onProgress: (step) => progress.push(step) }));
  assert.equal(report.verdict, 'pass', JSON.stringify(report));
  assert.deepEqual(report.failed, []);
  assert.deepEqual([report.agreement?.comparisons, report.agreement?.exact, report.agreement?.normalised], [10, 10, 10]);
  assert.deepEqual(progress.slice(0, 3), [
    { state: 'loading', version: '1' },
    { state: 'loading', version: '2' },
    { state: 'asking', done: 1, of: 10, compared: 1 },
  ]);
  assert.deepEqual(progress.at(-1), { state: 'asking', done: 10, of: 10, compared: 10 });
});

test('each kept request is asked of the candidate once and of the baseline twice, the second time with some freedom', async () => {
  const start = versions.asked.length;
  const plan = rolloutPlanSchema.parse({ judges: { perplexity: null } });
  await rehearse(ground, order({ most: 2, plan }));
  const asked = versions.asked.slice(start).flatMap((request) => (request.kind === 'generate' ? [request] : []));
  assert.deepEqual(
    asked.map(({ version, sampling }) => [version, sampling.temperature]),
    [
      ['1', 0],
      ['2', 0],
      ['1', 0.7],
      ['1', 0],
      ['1', 0.7],
      ['2', 0],
    ],
  );
  assert.ok(asked.every(({ timeLeftMs, maxTokens }) => timeLeftMs > 1000 && maxTokens === 16));
});

test('golden questions alone make a rehearsal, asked until their judge has enough', async () => {
  const golden = [
    { question: 'polly', expect: { contains: ['polly'] } },
    { question: 'cracker', expect: { equals: 'cracker' } },
  ];
  const plan = rolloutPlanSchema.parse({ golden, leastObservations: 4 });
  const start = versions.asked.length;
  const report = await rehearse({ ...ground, records: { listCaptures: () => Promise.resolve([]) } }, order({ plan }));
  assert.equal(versions.asked.length - start, 8);
  assert.deepEqual([report.requests, report.goldenQuestions], [0, 2]);
  assert.equal(report.verdicts.find(({ judge }) => judge === 'golden')?.state, 'pass');
});

test('with nothing to ask it says what to configure', async () => {
  const nothing = rehearse(ground, order({ model: 'unheard' }));
  await assert.rejects(nothing, (error) => isCode('conflict')(error) && /captureShare.*x-plinth-consent/.test(String(error)));
});

test('a version that cannot be loaded ends it with the reason, and nobody is asked', async () => {
  const start = versions.asked.length;
  const ensureLoaded = (_model: string, version: string) =>
    version === '2'
      ? Promise.reject(new PlinthError({ code: 'invalid_model_file', message: 'no such file' }))
      : Promise.resolve();
  await assert.rejects(rehearse({ ...ground, ensureLoaded }, order()), isCode('invalid_model_file'));
  assert.equal(versions.asked.length, start);
});

test('too few requests are not enough data, whatever they show', async () => {
  const plan = rolloutPlanSchema.parse({ leastObservations: 20 });
  const report = await rehearse(ground, order({ most: 3, plan }));
  assert.equal(report.verdict, 'not-enough-data');
  assert.ok(report.undecided.includes('similarity'));
});

test('it stops when it is told to', async () => {
  const abort = new AbortController();
  const onProgress = (progress: RehearsalProgress): void => {
    if (progress.state === 'asking' && progress.done === 2) abort.abort();
  };
  const start = versions.asked.length;
  const plan = rolloutPlanSchema.parse({ judges: { perplexity: null } });
  await assert.rejects(rehearse(ground, order({ signal: abort.signal, onProgress, plan })), isCode('cancelled'));
  assert.ok(versions.asked.length - start < 10);
});

const finished: InferenceEvent = { type: 'finished', timings: { queueMs: 0, prefillMs: 1, decodeMs: 1 } };

/** Versions that say to everything what is given for them. */
function saying(answers: Readonly<Record<string, InferenceEvent>>): InferencePort {
  return {
    async *infer({ version = '' }) {
      const answer = answers[version];
      if (answer !== undefined) yield answer;
      yield finished;
    },
  };
}

const text = (words: string): InferenceEvent => ({ type: 'text-delta', choice: 0, text: words });

test('a candidate that refuses what the version before answers fails at the judge of refusals', async () => {
  const inference = saying({ '1': text('Bread is baked.'), '2': text("I'm sorry, but I can't help with that.") });
  const assessor = createAssessor({ inference, isServed: () => false, logger });
  const report = await rehearse({ ...ground, inference, assessor }, order());
  const refusals = report.verdicts.find(({ judge }) => judge === 'refusals');
  assert.deepEqual([refusals?.state, refusals?.current, refusals?.candidate], ['fail', 0, 1]);
  assert.equal(report.verdict, 'fail');
});

test('numbers that are broken are judged as in a live rollout', async () => {
  const request = { inputs: [{ type: 'text', text: 'bread' }], overlong: 'cut', kind: 'embed', timeLeftMs: 1 } as const;
  const own = createCaptureWriter({ records: book, mostPerModel: 100, logger });
  for (let at = 0; at < 12; at++) own.capture({ ...request, id: 'r', model: 'vectors' }, at);
  await own.close();
  const vector = (...values: number[]): InferenceEvent => ({
    type: 'embedding',
    index: 0,
    values: new Uint8Array(Float32Array.from(values).buffer),
  });
  const inference = saying({ '1': vector(0.6, 0.8), '2': vector(0.6, Number.NaN) });
  const assessor = createAssessor({ inference, isServed: () => false, logger });
  const report = await rehearse({ ...ground, inference, assessor }, order({ model: 'vectors' }));
  const broken = report.verdicts.find(({ judge }) => judge === 'brokenOutputs');
  assert.deepEqual([broken?.state, broken?.currentCount, broken?.candidate], ['fail', 12, 1]);
});

test('both versions are kept loaded from before they are waited for until the end, also of a rehearsal that fails', async () => {
  const happened: string[] = [];
  const keepLoaded = (model: string, kept: readonly string[]) => {
    happened.push(`keep ${model} ${kept.join(' ')}`);
    return () => void happened.push('let go');
  };
  const ensureLoaded = (_model: string, version: string) => {
    happened.push(`wait for ${version}`);
    if (version === '9') throw new PlinthError({ code: 'invalid_model_file', message: 'no such file' });
    return Promise.resolve();
  };
  const onProgress = (progress: RehearsalProgress): void => void (progress.state === 'asking' && happened.push('ask'));
  await rehearse({ ...ground, keepLoaded, ensureLoaded }, order({ most: 1, onProgress }));
  assert.deepEqual(happened, ['keep parrot 1 2', 'wait for 1', 'wait for 2', 'ask', 'let go']);
  happened.length = 0;
  await assert.rejects(
    rehearse({ ...ground, keepLoaded, ensureLoaded }, order({ candidate: '9' })),
    isCode('invalid_model_file'),
  );
  assert.deepEqual(happened, ['keep parrot 1 9', 'wait for 1', 'wait for 9', 'let go']);
});

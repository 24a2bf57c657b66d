import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { writeDamagedModel } from '../../../../tests/support/damaged-model.ts';
import { openVersions, type OpenVersions } from '../../../../tests/support/inside-port.ts';
import { obtainModel } from '../../../../tests/support/test-model.ts';
import { asReferenceRequest, type GenerateRequest, type InferenceRequest } from '../../../core/inference/index.ts';
import type { Outcome, SampledAnswer, ShadowComparison } from '../../../core/messages/index.ts';
import { createLogger } from '../../../core/telemetry/index.ts';
import { rolloutPlanSchema } from '../rollout-plan.ts';
import { gatherEvents, insideRequest } from './ask-inside.ts';
import { createAssessor, type AssessorOptions } from './assessor.ts';
import { measureLikelihood } from './measure-likelihood.ts';
import { readAnswer } from './read-answer.ts';

const folder = mkdtempSync(join(tmpdir(), 'plinth-assessor-'));
let versions: OpenVersions;

before(async () => {
  const [chat, minilm] = await Promise.all([obtainModel('smollm2'), obtainModel('minilm')]);
  const damaged = join(folder, 'damaged.gguf');
  await writeDamagedModel(chat.filePath, { to: damaged, every: 30 });
  versions = await openVersions([
    { name: 'chat', version: '1', engine: 'llama', filePath: chat.filePath },
    { name: 'chat', version: '2', engine: 'llama', filePath: damaged },
    {
      name: 'minilm',
      version: '1',
      engine: 'onnx',
      task: 'embed',
      filePath: minilm.filePath,
      folderPath: minilm.folderPath ?? '',
    },
    { name: 'parrot', version: '1' },
  ]);
});

after(async () => {
  await versions.close();
  rmSync(folder, { recursive: true });
});

const plan = rolloutPlanSchema.parse({});
const logger = createLogger({ level: 'silent' });
const assessorOf = (options: Partial<AssessorOptions> = {}) =>
  createAssessor({ inference: versions, isServed: () => true, logger, ...options });

const question = (content: string, fields: Partial<GenerateRequest> = {}): GenerateRequest =>
  insideRequest({ model: 'chat' }, { type: 'chat', messages: [{ role: 'user', content }] }, { maxTokens: 40, ...fields });

async function sample(request: InferenceRequest, version: string): Promise<SampledAnswer> {
  const events = await gatherEvents(versions, { ...request, version });
  return { version, outcome: events.at(-1)?.type === 'finished' ? 'ok' : 'failed', totalMs: 1, events };
}

async function compared(request: InferenceRequest, candidate = '1'): Promise<ShadowComparison> {
  return {
    requestId: 'r',
    model: request.model,
    purpose: { kind: 'rollout', id: 'x' },
    request,
    current: await sample(request, '1'),
    reference: await sample(asReferenceRequest(request, 5), '1'),
    candidate: await sample(request, candidate),
  };
}

test('a damaged version is less like the current one than that one is like itself, and far less likely to it', async () => {
  const assessor = assessorOf({ embeddingModel: 'minilm' });
  const comparison = await compared(question('Explain in two sentences why it rains.'), '2');
  const before = versions.asked.length;
  const scores = await assessor.assess(comparison, plan);
  assert.ok(scores?.reference !== undefined && scores.likelihood !== undefined);
  assert.ok(scores.reference.similarity > 0.35, JSON.stringify(scores));
  assert.ok(scores.candidate.similarity < scores.reference.similarity - 0.25, JSON.stringify(scores));
  assert.ok(scores.likelihood.candidate < scores.likelihood.current - 2, JSON.stringify(scores));
  const asked = versions.asked.slice(before);
  assert.deepEqual(
    asked.map(({ kind, model, version }) => [kind, model, version]),
    [
      ['embed', 'minilm', undefined],
      ['generate', 'chat', '1'],
      ['generate', 'chat', '1'],
    ],
  );
  assert.ok(asked[0]?.kind === 'embed' && asked[0].inputs.length === 3);
  assert.deepEqual(assessor.counts(), { assessed: 1, gaps: {} });
});

test('the likelihood of an answer is what its model gave each token when it wrote it', async () => {
  const request = question('Name three colours.', { topLogprobs: 0 });
  const events = await gatherEvents(versions, { ...request, version: '1' });
  const written = events.flatMap((event) => (event.type === 'text-delta' ? (event.logprobs ?? []) : []));
  const answer = readAnswer(request, events);
  assert.ok(answer !== undefined && written.length > 5);
  const judgedBy = { model: 'chat', version: '1' };
  const likelihood = await measureLikelihood(versions, { request, judgedBy, current: answer, candidate: answer });
  const mean = written.reduce((sum, { logprob }) => sum + (logprob ?? 0), 0) / written.length;
  assert.ok(likelihood !== undefined && Math.abs(likelihood.current - mean) < 0.05, `${likelihood?.current} is not ${mean}`);
  assert.equal(likelihood.candidate, likelihood.current);
});

test('what has no likelihood of its own is not measured', async () => {
  const request = question('x');
  const text = (words: string) => ({ ...emptyAnswer, choices: [{ text: words, calls: [] }] });
  const call = { ...emptyAnswer, choices: [{ text: '', calls: [{ name: 'f', argumentsText: '{}' }] }] };
  const judgedBy = { model: 'chat', version: '1' };
  const before = versions.asked.length;
  for (const candidate of [call, text(' \n')])
    assert.equal(await measureLikelihood(versions, { request, judgedBy, current: text('hi'), candidate }), undefined);
  assert.equal(versions.asked.length, before);
});

const emptyAnswer = { choices: [], vectors: [], scores: [], classifications: [], objects: [], foundText: '', tensors: [] };

test('without a served embedding model the wording is compared, and nobody is asked', async () => {
  const assessor = assessorOf({ embeddingModel: 'minilm', isServed: () => false });
  const quick = { judges: { ...plan.judges, perplexity: null } };
  const comparison = await compared({ ...question('polly wants a cracker'), model: 'parrot' });
  const before = versions.asked.length;
  const scores = await assessor.assess(comparison, quick);
  assert.deepEqual(scores?.candidate, { exact: true, normalised: true, similarity: 1 });
  assert.equal(versions.asked.length, before);
});

test('an embedding model that fails is made up for by the wording, and that is counted', async () => {
  const assessor = assessorOf({ embeddingModel: 'nobody' });
  const request = { ...question('one two three'), model: 'parrot' };
  const comparison = await compared(request);
  const other: SampledAnswer = {
    ...comparison.candidate,
    events: comparison.candidate.events.map((event) => (event.type === 'text-delta' ? { ...event, text: 'four' } : event)),
  };
  const scores = await assessor.assess({ ...comparison, candidate: other }, plan);
  assert.ok(scores !== undefined && scores.candidate.similarity < 0.5);
  assert.deepEqual(assessor.counts().gaps, { 'no-embeddings': 1 });
});

test('a judge model is asked in both orders and bound to its three words', async () => {
  const assessor = assessorOf({ judgeModel: 'chat' });
  const quick = { judges: { ...plan.judges, perplexity: null } };
  const comparison = await compared(question('What is the capital of France?'), '2');
  const before = versions.asked.length;
  const scores = await assessor.assess(comparison, quick);
  const asked = versions.asked.slice(before).flatMap((request) => (request.kind === 'generate' ? [request] : []));
  const prompts = asked.map(({ prompts: [prompt] }) => (prompt?.type === 'chat' ? (prompt.messages.at(-1)?.content ?? '') : ''));
  const own = readAnswer(comparison.request, comparison.current.events)?.choices[0]?.text ?? '';
  assert.equal(asked.length, 2);
  assert.ok(asked.every(({ constraint }) => constraint.type === 'json-schema'));
  assert.ok(
    asked.every(({ version }) => version === '1'),
    'a model under test is judged by its version before',
  );
  const marks = prompts.map((prompt) => /ANSWER A ([0-9a-f]{8}):/.exec(prompt)?.[1]);
  assert.ok(marks[0] !== undefined && marks[1] !== undefined && marks[0] !== marks[1]);
  assert.deepEqual(
    prompts.map((prompt) => prompt.indexOf(own) < prompt.indexOf('ANSWER B ')),
    [true, false],
  );
  assert.ok(scores?.preference !== undefined && [0, 0.5, 1].includes(scores.preference));
  const same = { ...comparison, candidate: { ...comparison.candidate, events: comparison.current.events } };
  const count = versions.asked.length;
  assert.equal((await assessor.assess(same, quick))?.preference, 0.5);
  assert.equal(versions.asked.length, count);
});

test('a judge model that does not answer gives no preference, and that is counted', async () => {
  const assessor = assessorOf({ judgeModel: 'nobody' });
  const quick = { judges: { ...plan.judges, perplexity: null } };
  const scores = await assessor.assess(await compared(question('Say something.'), '2'), quick);
  assert.ok(scores !== undefined && scores.preference === undefined);
  assert.deepEqual(assessor.counts().gaps, { 'no-preference': 1 });
});

test('embeddings of two versions are compared without asking anybody', async () => {
  const request: InferenceRequest = {
    kind: 'embed',
    id: 'r',
    model: 'minilm',
    timeLeftMs: 10_000,
    inputs: [{ type: 'text', text: 'rain' }],
  };
  const comparison = await compared(request);
  const before = versions.asked.length;
  const scores = await assessorOf().assess(comparison, plan);
  assert.deepEqual(scores?.reference, scores?.candidate);
  assert.ok((scores?.candidate.similarity ?? 0) > 0.999);
  assert.equal(versions.asked.length, before);
});

test('answers that cannot be compared are counted by their reason', async () => {
  const assessor = assessorOf();
  const good = await compared({ ...question('x'), model: 'parrot' });
  const failed: Outcome = 'failed';
  const bad = [
    { ...good, current: { ...good.current, outcome: failed } },
    { ...good, candidate: { ...good.candidate, outcome: failed } },
    { ...good, candidate: { ...good.candidate, events: [] } },
    {
      ...good,
      candidate: {
        ...good.candidate,
        events: [{ type: 'text-delta', choice: 0, text: 'x'.repeat(300_000) } as const, ...good.candidate.events],
      },
    },
  ];
  for (const comparison of bad) assert.equal(await assessor.assess(comparison, plan), undefined);
  const { reference: _reference, ...alone } = good;
  assert.equal((await assessor.assess(alone, plan))?.reference, undefined);
  assert.deepEqual(assessor.counts(), {
    assessed: 1,
    gaps: { 'current-not-ok': 1, 'candidate-not-ok': 1, 'answer-incomplete': 1, 'answer-too-long': 1 },
  });
});

test('one comparison is worked on at a time, some wait, and the rest are dropped', async () => {
  const comparison = await compared({ ...question('polly wants a cracker'), model: 'parrot' });
  let atOnce = 0;
  let most = 0;
  const inference: AssessorOptions['inference'] = {
    async *infer(request, signal) {
      most = Math.max(most, ++atOnce);
      yield* versions.infer(request, signal);
      atOnce--;
    },
  };
  const assessor = assessorOf({ inference, mostWaiting: 2 });
  const all = await Promise.all(Array.from({ length: 5 }, () => assessor.assess(comparison, plan)));
  assert.deepEqual(
    all.map((scores) => scores !== undefined),
    [true, true, true, false, false],
  );
  assert.deepEqual([most, assessor.counts().gaps['too-many-waiting']], [1, 2]);
  assert.ok((await assessor.assess(comparison, plan)) !== undefined);
});

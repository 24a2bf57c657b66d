import assert from 'node:assert/strict';
import { test } from 'node:test';
import OpenAI from 'openai';
import { useOpenAi } from '../support/openai.ts';

const fixture = useOpenAi();
const model = 'smollm2';
const prompt = 'The capital of Germany is';

test('a prompt goes on', async () => {
  const answer = await fixture.client.completions.create({ model, prompt, temperature: 0, max_tokens: 2 });
  assert.match(answer.choices[0]?.text ?? '', /Berlin/);
  assert.equal(answer.object, 'text_completion');
});

test('an echoed prompt is scored token by token with offsets into the text', async () => {
  const answer = await fixture.client.completions.create({
    model,
    prompt,
    temperature: 0,
    max_tokens: 2,
    echo: true,
    logprobs: 2,
  });
  const [choice] = answer.choices;
  assert.ok(choice !== undefined && choice.text.startsWith(`${prompt} Berlin`));
  const { tokens = [], token_logprobs = [], top_logprobs = [], text_offset = [] } = choice.logprobs ?? {};
  assert.equal(tokens.join(''), choice.text);
  assert.equal(token_logprobs[0], null);
  assert.ok(token_logprobs.slice(1).every((logprob) => logprob !== null && logprob <= 0));
  assert.equal(top_logprobs.length, tokens.length);
  tokens.forEach((token, i) => assert.equal(choice.text.slice(text_offset[i], (text_offset[i] ?? 0) + token.length), token));
});

test('an echo of nothing more scores the prompt alone', async () => {
  const answer = await fixture.client.completions.create({ model, prompt, max_tokens: 0, echo: true, logprobs: 0 });
  assert.equal(answer.choices[0]?.text, prompt);
  assert.equal(answer.choices[0]?.logprobs?.tokens?.length, answer.usage?.prompt_tokens);
});

test('a batch of prompts with several choices is numbered prompt by prompt', async () => {
  const prompts = [prompt, 'The capital of Italy is'];
  const answer = await fixture.client.completions.create({ model, prompt: prompts, n: 2, temperature: 0, max_tokens: 2 });
  assert.deepEqual(
    answer.choices.map(({ index }) => index),
    [0, 1, 2, 3],
  );
  assert.match(answer.choices[1]?.text ?? '', /Berlin/);
  assert.match(answer.choices[3]?.text ?? '', /Rome/);
});

test('token arrays are prompts too', async () => {
  const scored = await fixture.client.completions.create({ model, prompt: [504, 3575, 282], temperature: 0, max_tokens: 3 });
  assert.equal(scored.usage?.prompt_tokens, 3);
  await assert.rejects(
    fixture.client.completions.create({ model, prompt: [99_999_999] }),
    (error: unknown) => error instanceof OpenAI.BadRequestError && error.message.includes('99999999'),
  );
});

test('a suffix is refused by a model that cannot fill gaps', async () => {
  await assert.rejects(
    fixture.client.completions.create({ model, prompt, suffix: 'and Rome' }),
    (error: unknown) => error instanceof OpenAI.BadRequestError && error.param === 'suffix',
  );
});

test('penalties change what a loop repeats', async () => {
  const request = { model, prompt: 'one two one two one two one two', temperature: 0, max_tokens: 12 };
  const free = await fixture.client.completions.create(request);
  const held = await fixture.client.completions.create({ ...request, frequency_penalty: 2, presence_penalty: 2 });
  assert.notEqual(held.choices[0]?.text, free.choices[0]?.text);
});

test('embeddings have the same length, unit norm, and are nearer for nearer texts', async () => {
  const input = ['The cat sits on the mat.', 'A cat is sitting on a mat.', 'Quarterly revenue grew by nine percent.'];
  const { data, usage } = await fixture.client.embeddings.create({ model, input });
  const [a = [], b = [], c = []] = data.map(({ embedding }) => embedding);
  const dot = (x: number[], y: number[]) => x.reduce((sum, value, i) => sum + value * (y[i] ?? 0), 0);
  assert.equal(a.length, 576);
  assert.ok(Math.abs(dot(a, a) - 1) < 1e-4);
  assert.ok(dot(a, b) > dot(a, c));
  assert.ok(usage.prompt_tokens > 10);
  const floats = await fixture.client.embeddings.create({
    model,
    input: input[0] ?? '',
    encoding_format: 'float',
    dimensions: 8,
  });
  assert.equal(floats.data[0]?.embedding.length, 8);
});

test('models are listed and found by name', async () => {
  const list = await Array.fromAsync(await fixture.client.models.list());
  assert.deepEqual(
    list.map(({ id }) => id),
    [model],
  );
  assert.equal((await fixture.client.models.retrieve(model)).id, model);
});

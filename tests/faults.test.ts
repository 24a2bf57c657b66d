import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import OpenAI from 'openai';
import { API_KEY, serve, type Served } from './support/serve.ts';
import { obtainTestModel } from './support/test-model.ts';

const parts: { served?: Served; client?: OpenAI } = {};

before(async () => {
  const models = [
    { name: 'chat', source: await obtainTestModel(), slots: 8, replicas: 2 },
    { name: 'neighbour', engine: 'echo', slots: 8, stepMs: 10 },
  ];
  parts.served = await serve({ config: { models } });
  parts.client = new OpenAI({ baseURL: `${parts.served.url}/v1`, apiKey: API_KEY, maxRetries: 0 });
});

after(() => parts.served?.stop());

interface Report {
  readonly model: string;
  readonly pid?: number;
  readonly state: string;
  readonly runningSequences: number;
}

async function reports(model: string): Promise<Report[]> {
  const answer = (await (await parts.served?.manage('/plinth/v1/replicas'))?.json()) as { replicas: Report[] };
  return answer.replicas.filter((replica) => replica.model === model);
}

async function until<T>(find: () => Promise<T | undefined>): Promise<T> {
  for (let tries = 0; tries < 600; tries++) {
    const found = await find();
    if (found !== undefined) return found;
    await new Promise((done) => setTimeout(done, 50));
  }
  assert.fail('it did not come about within 30 seconds');
}

/** True or, to be asked again, nothing. */
async function untilTrue(isDone: () => Promise<boolean>): Promise<void> {
  await until(async () => ((await isDone()) ? true : undefined));
}

function client(): OpenAI {
  assert.ok(parts.client);
  return parts.client;
}

type Outcome = 'finished' | 'refused' | 'one-error-event' | 'broken';

/** Reads a stream to its end and says how it ended. */
async function readStream(model: string, content: string): Promise<Outcome> {
  const response = await client()
    .chat.completions.create({ model, messages: [{ role: 'user', content }], stream: true, max_tokens: 60, seed: 1 })
    .asResponse()
    .catch((error: unknown) => error);
  if (!(response instanceof Response)) return 'refused';
  const lines = (await response.text()).split('\n').filter((line) => line.startsWith('data: '));
  const errors = lines.filter((line) => line.startsWith('data: {"error"'));
  const isDone = lines.at(-1) === 'data: [DONE]';
  if (isDone && errors.length === 0) return 'finished';
  return !isDone && errors.length === 1 && lines.at(-1) === errors[0] ? 'one-error-event' : 'broken';
}

async function ask(content: string): Promise<string> {
  const answer = await client().chat.completions.create({
    model: 'chat',
    messages: [{ role: 'user', content }],
    temperature: 0,
    max_tokens: 24,
  });
  return answer.choices[0]?.message.content ?? '';
}

/** Strikes one busy replica while requests of every kind are under way and looks at how each of them ended. */
async function strike(signal: NodeJS.Signals): Promise<void> {
  await untilTrue(async () => (await reports('chat')).every((one) => one.state === 'ready' && one.runningSequences === 0));
  const questions = Array.from({ length: 6 }, (_, i) => `Tell me about the number ${i}.`);
  const streams = questions.map((question) => readStream('chat', question));
  const neighbours = Array.from({ length: 3 }, () => readStream('neighbour', 'untouched '.repeat(18)));
  const answers = questions.map(ask);
  const victim = await until(async () => (await reports('chat')).find(({ runningSequences }) => runningSequences > 0));
  assert.ok(victim.pid !== undefined);
  process.kill(victim.pid, signal);
  const outcomes = await Promise.all(streams);
  assert.ok(
    outcomes.every((outcome) => outcome === 'finished' || outcome === 'one-error-event'),
    `streams ended ${outcomes.join()}`,
  );
  assert.ok(
    (await Promise.all(answers)).every((answer) => answer.length > 0),
    'answers that nobody had seen yet are given',
  );
  assert.deepEqual(await Promise.all(neighbours), ['finished', 'finished', 'finished']);
  await untilTrue(async () => {
    const now = await reports('chat');
    return now.length === 2 && now.every(({ state, pid }) => state === 'ready' && pid !== victim.pid);
  });
}

for (const signal of ['SIGKILL', 'SIGABRT', 'SIGSTOP'] as const) {
  test(`${signal} to a busy replica loses no answer, ends begun streams once and leaves a neighbour alone`, () => strike(signal));
}

test('what was replaced is counted by its reason', async () => {
  const metrics = await (await parts.served?.manage('/metrics'))?.text();
  assert.match(metrics ?? '', /plinth_replica_replacements_total\{[^}]*model="chat"[^}]*\} [1-9]/);
});

import assert from 'node:assert/strict';
import { cpSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it, type TestContext } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { ADMIN_KEY, API_KEY, serve, type Served } from '../support/serve.ts';
import { writeSimpleRepository } from '../support/simple-repository.ts';

let served: Served;

interface Answer {
  readonly status: number;
  readonly body: Readonly<Record<string, unknown>>;
}

async function post(path: string, body: object | undefined, key = API_KEY): Promise<Answer> {
  const response = await fetch(`${served.url}${path}`, {
    method: 'POST',
    headers: { authorization: `Bearer ${key}` },
    ...(body && { body: JSON.stringify(body) }),
  });
  const text = await response.text();
  return { status: response.status, body: text === '' ? {} : (JSON.parse(text) as Answer['body']) };
}

const row = (value: number) => Array.from({ length: 16 }, () => value);

function infer(path = 'simple', rows: readonly [number, number] = [5, 3]): Promise<Answer> {
  const inputs = rows.map((value, i) => ({ name: `INPUT${i}`, datatype: 'INT32', shape: [1, 16], data: row(value) }));
  return post(`/v2/models/${path}/infer`, { inputs });
}

function outputsOf({ body }: Answer): object {
  const outputs = body['outputs'] as ReadonlyArray<{ readonly name: string; readonly data: readonly number[] }>;
  return Object.fromEntries(outputs.map(({ name, data }) => [name, data[0]]));
}

const change = (model: string, what: 'load' | 'unload', parameters?: object): Promise<Answer> =>
  post(`/v2/repository/models/${model}/${what}`, { ...(parameters && { parameters }) }, ADMIN_KEY);

async function index(): Promise<readonly string[]> {
  const { body } = await post('/v2/repository/index', undefined, ADMIN_KEY);
  return Object.values(body as Record<string, Record<string, string>>).map(({ name, version, state, reason }) =>
    [name, version, state, reason].filter((part) => part).join(' '),
  );
}

async function until(isTrue: () => Promise<boolean>): Promise<void> {
  while (!(await isTrue())) await sleep(50);
}

/** Asks without a pause until `work` is done; gives the number of answers, and every one that was not right. */
async function whileAsking(
  work: () => Promise<unknown>,
): Promise<{ readonly answers: number; readonly wrong: readonly Answer[] }> {
  const end = new AbortController();
  let answers = 0;
  const wrong: Answer[] = [];
  const ask = async (): Promise<void> => {
    while (!end.signal.aborted) {
      const answer = await infer();
      answers += 1;
      if (answer.status !== 200 || JSON.stringify(outputsOf(answer)) !== '{"OUTPUT0":8,"OUTPUT1":2}') wrong.push(answer);
    }
  };
  const asking = Array.from({ length: 4 }, ask);
  try {
    await work();
  } finally {
    end.abort();
    await Promise.all(asking);
  }
  return { answers, wrong };
}

function configure(folder: string, name: string, text: string): void {
  mkdirSync(join(folder, name), { recursive: true });
  writeFileSync(join(folder, name, 'config.pbtxt'), text);
}

const pair = (kind: string, key: string, value: string) => `${kind} { key: "${key}" value: "${value}" }`;
const INT_ROW = 'data_type: TYPE_INT32 dims: [ 16 ]';
/** ((a + b) + b) and ((a + b) − b) out of two passes through `simple`. */
const TWICE = `platform: "ensemble" max_batch_size: 8 response_cache { enable: true }
  input [ { name: "INPUT0" ${INT_ROW} }, { name: "INPUT1" ${INT_ROW} } ]
  output [ { name: "MORE" ${INT_ROW} }, { name: "BACK" ${INT_ROW} } ]
  ensemble_scheduling {
    step { model_name: "simple" model_version: -1 ${pair('input_map', 'INPUT0', 'INPUT0')} ${pair('input_map', 'INPUT1', 'INPUT1')}
      ${pair('output_map', 'OUTPUT0', 'sum')} }
    step { model_name: "simple" model_version: -1 ${pair('input_map', 'INPUT0', 'sum')} ${pair('input_map', 'INPUT1', 'INPUT1')}
      ${pair('output_map', 'OUTPUT0', 'MORE')} ${pair('output_map', 'OUTPUT1', 'BACK')} }
  }`;

function describeServed(title: string, repository: object, tests: (folder: () => string) => void): void {
  describe(title, { timeout: 240_000 }, () => {
    let folder: string;
    before(async () => {
      folder = mkdtempSync(join(tmpdir(), 'plinth-repository-'));
      await writeSimpleRepository(folder);
      mkdirSync(join(folder, 'twice', '1'), { recursive: true });
      configure(folder, 'twice', TWICE);
      served = await serve({ config: { models: [folder], grpcPort: -1, repository } });
    });
    after(async () => {
      await served.stop();
      rmSync(folder, { recursive: true, force: true });
    });
    tests(() => folder);
  });
}

describeServed('a repository that is loaded on request', { controlMode: 'explicit', loadModels: ['simple'] }, (folder) => {
  it('loads what was named at start and knows the rest', async () => {
    assert.deepEqual(await index(), ['identity_fp32', 'identity_int64', 'simple 1 READY', 'twice']);
    assert.deepEqual(outputsOf(await infer()), { OUTPUT0: 8, OUTPUT1: 2 });
    assert.match(String((await infer('identity_fp32')).body['error']), /identity_fp32/);
  });

  it('answers an ensemble through its steps, the second time out of the cache', async () => {
    assert.equal((await change('twice', 'load')).status, 200);
    for (let i = 0; i < 2; i++) assert.deepEqual(outputsOf(await infer('twice')), { MORE: 11, BACK: 5 });
    const statistics = await fetch(`${served.url}/v2/models/twice/stats`, { headers: { authorization: `Bearer ${API_KEY}` } });
    const [{ inference_stats: counts }] = (
      (await statistics.json()) as { model_stats: [{ inference_stats: Record<string, { count: number }> }] }
    ).model_stats;
    assert.deepEqual([counts['cache_hit']?.count, counts['cache_miss']?.count], [1, 1]);
  });

  it('loads anew under traffic without a failed request', async (context: TestContext) => {
    const { answers, wrong } = await whileAsking(async () => {
      for (let i = 0; i < 4; i++) assert.equal((await change('simple', 'load')).status, 200);
    });
    assert.deepEqual(wrong, []);
    assert.ok(answers > 20);
    context.diagnostic(`${answers} answers over 4 loads`);
  });

  it('serves several versions, one of them on request, and lets go of one under traffic', async () => {
    cpSync(join(folder(), 'simple', '1'), join(folder(), 'simple', '2'), { recursive: true });
    const { wrong } = await whileAsking(async () => {
      const config = JSON.stringify({ max_batch_size: 4, version_policy: { all: {} } });
      assert.equal((await change('simple', 'load', { config })).status, 200);
      assert.equal((await infer()).body['model_version'], '2');
      assert.equal((await infer('simple/versions/1')).body['model_version'], '1');
      assert.equal((await change('simple', 'load')).status, 200);
    });
    assert.deepEqual(wrong, []);
    await until(async () => (await index()).includes('simple 1 UNAVAILABLE unloaded'));
    assert.ok((await index()).includes('simple 2 READY'));
  });

  it('says why a load fails and goes on with what it has', async () => {
    const { status, body } = await change('simple', 'load', {
      config: JSON.stringify({ max_batch_size: 4, metric_tags: { a: 'b' } }),
    });
    assert.equal(status, 400);
    assert.match(String(body['error']), /^failed to load 'simple', the field "metric_tags" is known and cannot be honoured/);
    assert.equal((await infer()).status, 200);
    assert.match(
      String((await change('nobody', 'load')).body['error']),
      /^failed to load 'nobody', failed to poll from model repository/,
    );
  });

  it('grows no further when models come and go', async (context: TestContext) => {
    const rss = async () => ((await (await served.manage('/plinth/v1/status')).json()) as { rssBytes: number }).rssBytes;
    const cycle = async () => {
      assert.equal((await change('identity_int64', 'load')).status, 200);
      assert.equal((await change('identity_int64', 'unload')).status, 200);
    };
    for (let i = 0; i < 2; i++) await cycle();
    const before = await rss();
    for (let i = 0; i < 24; i++) await cycle();
    const grown = ((await rss()) - before) / 1024 ** 2;
    context.diagnostic(`24 loads and unloads: from ${(before / 1024 ** 2).toFixed(0)} MiB by ${grown.toFixed(1)} MiB`);
    assert.ok(grown < 48, `grew by ${grown} MiB`);
  });
});

describeServed('a repository whose files are followed', { controlMode: 'poll', pollMs: 200 }, (folder) => {
  it('follows versions, configurations and models under traffic without a failed request', async () => {
    const { wrong } = await whileAsking(async () => {
      cpSync(join(folder(), 'simple', '1'), join(folder(), 'simple', '2'), { recursive: true });
      await until(async () => (await infer()).body['model_version'] === '2');
      configure(folder(), 'simple', 'max_batch_size: 4 version_policy { all { } }');
      await until(async () => (await infer('simple/versions/1')).status === 200);
    });
    assert.deepEqual(wrong, []);
    rmSync(join(folder(), 'identity_fp32'), { recursive: true });
    await until(async () => (await index()).every((entry) => !entry.startsWith('identity_fp32')));
    cpSync(join(folder(), 'identity_int64'), join(folder(), 'copied'), { recursive: true });
    configure(folder(), 'copied', '');
    await until(async () => (await index()).includes('copied 1 READY'));
  });

  it('refuses explicit loads', async () => {
    const { status, body } = await change('simple', 'load');
    assert.deepEqual([status, body['error']], [503, 'explicit model load / unload is not allowed if polling is enabled']);
  });
});

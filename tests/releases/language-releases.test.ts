import assert from 'node:assert/strict';
import { after, afterEach, before, describe, test } from 'node:test';
import { makeLanguageReleases, type LanguageReleases } from '../support/release-files.ts';
import { ReleaseGround } from '../support/release-ground.ts';
import { checkAnswers, checkReceipt, failedJudges, readMoves, runRelease, tellShare, type RunOrder } from '../support/release-run.ts';

const model = 'smollm2';
const shadow = { comparisons: 30, mostConcurrent: 3 };
const steps = [25, 50, 100].map((percent) => ({ percent, requests: 8 }));
const canary = { strategy: 'canary', plan: { leastObservations: 8, steps } };
const copies = { strategy: 'shadow,canary', plan: { leastObservations: 6, shadow, steps } };

describe('releases of a language model under steady load', () => {
  let files: LanguageReleases;
  let ground: ReleaseGround;
  let basePid: number;

  before(async () => {
    files = await makeLanguageReleases();
    ground = await ReleaseGround.open({ config: { models: [{ name: model, source: files.original, slots: 6 }] } });
    await ground.ask('/plinth/v1/traffic', { model, traffic: { sticky: { by: 'request' } } });
    await ground.ask('/plinth/v1/aliases', { model, set: { stable: '1' } });
    basePid = await ground.pidOf(model, '1');
  });
  after(() => ground?.served.stop());
  afterEach(() => ground.abortRunning(model));

  const run = (order: Pick<RunOrder, 'version' | 'strategy' | 'plan'>, maxTokens = 8) =>
    runRelease(ground, { model, ...order, load: { kind: 'chat', maxTokens } });

  /** The version before answers everything, and is the process that it was. */
  const checkStay = async (): Promise<void> => {
    assert.equal(await ground.pidOf(model, '1'), basePid);
    assert.deepEqual((await ground.line(model)).aliases, { stable: '1' });
  };

  for (const kind of ['cut off', 'not there'] as const)
    test(`a version whose file is ${kind} fails and never gets a request`, async (context) => {
      const source = kind === 'cut off' ? files.cutOff : `${files.original}.none`;
      const release = await run({ version: await ground.addVersion(model, { source }), ...copies });
      tellShare(context, release);
      assert.equal(release.status.state, 'failed');
      assert.match(release.status.reason, /could not be loaded: /);
      checkAnswers(release, '1');
      assert.equal(release.ofCandidate.length, 0);
      assert.deepEqual(await failedJudges(ground, model), []);
      assert.deepEqual(await readMoves(ground, release.status), ['preparing 0 %', 'failed 0 %']);
      await checkStay();
    });

  test('a version that is slow is rolled back by the judges of latency', async (context) => {
    const version = await ground.addVersion(model, { source: files.original, settings: { stepMs: 80 } });
    const release = await run({ version, ...canary });
    tellShare(context, release);
    assert.equal(release.status.state, 'rolled-back');
    const failed = await failedJudges(ground, model);
    assert.ok(failed.length > 0 && failed.every((judge) => judge === 'interToken' || judge === 'firstToken'), failed.join());
    checkAnswers(release, '1');
    const [answer] = release.ofCandidate;
    assert.ok(answer, 'the candidate has answered someone');
    await checkReceipt(ground, answer, release.status);
    await checkStay();
  });

  test('a version that crashes again and again is rolled back on errors, and no caller notices', async (context) => {
    const version = await ground.addVersion(model, { source: files.original, settings: { failEvery: 2, replicas: 2 } });
    const release = await run({ version, ...canary });
    tellShare(context, release);
    assert.equal(release.status.state, 'rolled-back');
    assert.match(release.status.reason, /(?:^|; )errors: /);
    assert.ok((await failedJudges(ground, model)).every((judge) => judge === 'errors'));
    checkAnswers(release, '1');
    await checkStay();
  });

  test('a version with damaged weights is rolled back on quality before it has answered anyone', async (context) => {
    const version = await ground.addVersion(model, { source: files.damaged });
    const release = await run({ version, ...copies });
    tellShare(context, release);
    assert.equal(release.status.state, 'rolled-back');
    const failed = await failedJudges(ground, model);
    assert.ok(failed.length > 0 && failed.every((judge) => judge === 'perplexity' || judge === 'similarity'), failed.join());
    const states = new Map(release.status.verdicts.map(({ judge, state }) => [judge, state]));
    assert.deepEqual([states.get('errors'), states.get('timeouts')], ['pass', 'pass']);
    assert.equal(release.ofCandidate.length, 0);
    checkAnswers(release, '1');
    assert.deepEqual(await readMoves(ground, release.status), ['preparing 0 %', 'shadowing 0 %', 'rolled-back 0 %']);
    await checkStay();
  });

  test('a version that is only quantised anew is promoted', async (context) => {
    const version = await ground.addVersion(model, { source: files.requantized });
    const plan = { leastObservations: 8, shadow: { ...shadow, comparisons: 8 }, steps: steps.slice(1) };
    const release = await run({ version, strategy: 'shadow,canary', plan });
    tellShare(context, release);
    assert.equal(release.status.state, 'promoted', release.status.headline);
    checkAnswers(release, version);
    const [answer] = release.ofCandidate;
    assert.ok(answer);
    await checkReceipt(ground, answer, release.status);
    const line = await ground.line(model);
    assert.deepEqual([line.aliases, line.traffic.weights], [{ stable: version }, { [version]: 1 }]);
    const moves = ['preparing 0 %', 'shadowing 0 %', 'canary 50 %', 'canary 100 %', 'promoted 100 %'];
    assert.deepEqual(await readMoves(ground, release.status), moves);
    assert.equal(await ground.pidOf(model, '1'), basePid);
  });
});

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { checkAnswers, checkReceipt, failedJudges, readMoves, tellShare } from '../support/release-run.ts';
import { model, useLanguageGround } from './language-ground.ts';

const steps = [25, 50, 100].map((percent) => ({ percent, requests: 8 }));
const canary = { strategy: 'canary', plan: { leastObservations: 8, steps } };

describe('releases of a language model that do not load, are slow or crash', () => {
  const language = useLanguageGround({ maxTokens: 4 });

  for (const kind of ['cut off', 'not there'] as const)
    test(`a version whose file is ${kind} fails and never gets a request`, async (context) => {
      const { files, ground } = language;
      const source = kind === 'cut off' ? files.cutOff : `${files.original}.none`;
      const release = await language.run({ version: await language.addVersion(source), ...canary });
      tellShare(context, release);
      assert.equal(release.status.state, 'failed');
      assert.match(release.status.reason, /could not be loaded: /);
      checkAnswers(release, '1');
      assert.equal(release.ofCandidate.length, 0);
      assert.deepEqual(await failedJudges(ground, model), []);
      assert.deepEqual(await readMoves(ground, release.status), ['preparing 0 %', 'failed 0 %']);
      await language.checkStay();
    });

  test('a version that is slow is rolled back by the judges of latency', async (context) => {
    const { files, ground } = language;
    const version = await language.addVersion(files.original, { stepMs: 80 });
    const release = await language.run({ version, ...canary });
    tellShare(context, release);
    assert.equal(release.status.state, 'rolled-back');
    const failed = await failedJudges(ground, model);
    assert.ok(failed.length > 0 && failed.every((judge) => judge === 'interToken' || judge === 'firstToken'), failed.join());
    checkAnswers(release, '1');
    const [answer] = release.ofCandidate;
    assert.ok(answer, 'the candidate has answered someone');
    await checkReceipt(ground, answer, release.status);
    await language.checkStay();
  });

  test('a version that crashes again and again is rolled back on errors, and no caller notices', async (context) => {
    const { files, ground } = language;
    const version = await language.addVersion(files.original, { failEvery: 2 });
    // A replica that has just begun is slow too.
    const judges = { firstToken: null, interToken: null };
    const release = await language.run({ version, strategy: 'canary', plan: { ...canary.plan, judges } });
    tellShare(context, release);
    assert.equal(release.status.state, 'rolled-back');
    assert.match(release.status.reason, /^errors: /);
    assert.ok((await failedJudges(ground, model)).every((judge) => judge === 'errors'));
    checkAnswers(release, '1');
    await language.checkStay();
  });
});

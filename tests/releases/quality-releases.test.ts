import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { checkAnswers, checkReceipt, failedJudges, readMoves, tellShare } from '../support/release-run.ts';
import { model, useLanguageGround } from './language-ground.ts';

const strategy = 'shadow,canary';
const shadow = { comparisons: 30, mostConcurrent: 3 };

describe('releases of a language model whose weights are others', () => {
  const language = useLanguageGround({ maxTokens: 8 });

  test('a version with damaged weights is rolled back on quality before it has answered anyone', async (context) => {
    const { files, ground } = language;
    const version = await language.addVersion(files.damaged);
    const release = await language.run({ version, strategy, plan: { leastObservations: 6, shadow } });
    tellShare(context, release);
    assert.equal(release.status.state, 'rolled-back');
    const failed = await failedJudges(ground, model);
    assert.ok(failed.length > 0 && failed.every((judge) => judge === 'perplexity' || judge === 'similarity'), failed.join());
    const states = new Map(release.status.verdicts.map(({ judge, state }) => [judge, state]));
    assert.deepEqual([states.get('errors'), states.get('timeouts')], ['pass', 'pass']);
    assert.equal(release.ofCandidate.length, 0);
    checkAnswers(release, '1');
    assert.deepEqual(await readMoves(ground, release.status), ['preparing 0 %', 'shadowing 0 %', 'rolled-back 0 %']);
    await language.checkStay();
  });

  test('a version that is only quantised anew is promoted', async (context) => {
    const { files, ground } = language;
    const version = await language.addVersion(files.requantized);
    const steps = [
      { percent: 50, requests: 6 },
      { percent: 100, requests: 3 },
    ];
    const plan = { leastObservations: 6, shadow: { ...shadow, comparisons: 6 }, steps };
    const release = await language.run({ version, strategy, plan });
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
    const before = (await ground.replicas(model)).find((replica) => replica.version === '1');
    assert.equal(before?.state, 'ready', 'the version before stays warm');
  });
});

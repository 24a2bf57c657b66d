import assert from 'node:assert/strict';
import { after, afterEach, before, describe, test } from 'node:test';
import { makeEmbeddingReleases, type EmbeddingReleases } from '../support/release-files.ts';
import { ReleaseGround } from '../support/release-ground.ts';
import { checkAnswers, checkReceipt, failedJudges, readMoves, runRelease, tellShare } from '../support/release-run.ts';

const model = 'minilm';

describe('releases of an embedding model under steady load', () => {
  let files: EmbeddingReleases;
  let ground: ReleaseGround;

  before(async () => {
    files = await makeEmbeddingReleases();
    ground = await ReleaseGround.open({ config: { models: [{ name: model, source: files.original }] } });
    await ground.ask('/plinth/v1/traffic', { model, traffic: { sticky: { by: 'request' } } });
  });
  after(() => ground?.served.stop());
  afterEach(() => ground.abortRunning(model));

  const run = (version: string) =>
    runRelease(ground, {
      model,
      version,
      strategy: 'shadow,canary',
      plan: {
        leastObservations: 10,
        shadow: { comparisons: 30, mostPerMinute: 6_000 },
        steps: [25, 50, 100].map((percent) => ({ percent, requests: 10 })),
      },
      load: { kind: 'embed', callers: 2, pauseMs: 20 },
    });

  test('8-bit weights with the wrong scales are rolled back by the likeness of their vectors before any caller gets one', async (context) => {
    const version = await ground.addVersion(model, { source: files.broken });
    const pid = await ground.pidOf(model, '1');
    const release = await run(version);
    tellShare(context, release);
    assert.equal(release.status.state, 'rolled-back', release.status.headline);
    assert.deepEqual(await failedJudges(ground, model), ['similarity']);
    assert.equal(release.ofCandidate.length, 0);
    checkAnswers(release, '1');
    assert.equal(await ground.pidOf(model, '1'), pid);
  });

  test('8-bit weights with the right scales are promoted', async (context) => {
    const version = await ground.addVersion(model, { source: files.good });
    const release = await run(version);
    tellShare(context, release);
    assert.equal(release.status.state, 'promoted', release.status.headline);
    checkAnswers(release, version);
    const [answer] = release.ofCandidate;
    assert.ok(answer);
    await checkReceipt(ground, answer, release.status);
    assert.deepEqual((await readMoves(ground, release.status)).slice(-2), ['canary 100 %', 'promoted 100 %']);
  });
});

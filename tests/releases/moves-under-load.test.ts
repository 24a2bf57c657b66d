import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { ReleaseGround, until, type RolloutStatus } from '../support/release-ground.ts';
import { checkAnswers, failedJudges, runRelease, tellShare } from '../support/release-run.ts';
import { beginLoad, type Answered, type SteadyLoad } from '../support/steady-load.ts';

const echo = (settings: object = {}) => ({ settings: { engine: 'echo', stepMs: 1, slots: 4, ...settings } });
const patient = [50, 100].map((percent) => ({ percent, requests: 1_000_000 }));

/** Resolves when so many more answers have come. */
async function more(load: SteadyLoad, count = 20): Promise<void> {
  const least = load.answers.length + count;
  await until(() => Promise.resolve(load.answers.length >= least || undefined));
}

function failuresOf(answers: readonly Answered[]): readonly (string | undefined)[] {
  return answers.map(({ failure }) => failure).filter(Boolean);
}

describe('versions of a model that callers are asking all the time', () => {
  let ground: ReleaseGround;

  before(async () => {
    const models = ['alias', 'shares', 'hand', 'copies', 'crash'].map((name) => ({ name, engine: 'echo', stepMs: 1, slots: 4 }));
    ground = await ReleaseGround.open({ config: { models } });
  });
  after(() => ground?.served.stop());

  const load = (model: string, headers?: (count: number) => Record<string, string>): SteadyLoad =>
    beginLoad({ url: ground.served.url, model, kind: 'chat', callers: 1, pauseMs: 5, ...(headers && { headers }) });

  test('an alias moves between two answers: none fails and none is from the version before once one was from the next', async () => {
    const model = 'alias';
    const version = await ground.addVersion(model, echo());
    await ground.plinth('models', 'alias', model, 'stable=1', `next=${version}`);
    await ground.pidOf(model, version);
    const asking = load(`${model}@stable`);
    await more(asking);
    await ground.plinth('models', 'alias', model, `stable=${version}`, 'next=1');
    await until(() => Promise.resolve(asking.answersOf(version).length >= 20 || undefined));
    const answers = await asking.stop();
    assert.deepEqual(failuresOf(answers), []);
    const order = answers.map((one) => one.version);
    assert.deepEqual(order, order.toSorted(), 'it moved once');
    assert.deepEqual((await ground.line(model)).aliases, { stable: version, next: '1' });
    await ground.audit();
  });

  test('weights of the command line are kept, and a caller stays with its version while they move', async () => {
    const model = 'shares';
    const version = await ground.addVersion(model, echo());
    await ground.plinth('traffic', 'set', model, '--weights', `1=1,${version}=1`, '--sticky', 'header:x-user');
    await ground.pidOf(model, version);
    const callers = 30;
    const versionsOf = async (): Promise<readonly string[]> => {
      const users: string[] = [];
      const asking = load(model, (count) => ({ 'x-user': `user ${count % callers}` }));
      await more(asking, 2 * callers + 1);
      for (const [count, one] of (await asking.stop()).entries()) {
        assert.equal(one.failure, undefined);
        assert.equal((users[count % callers] ??= one.version), one.version, 'one caller, one version');
      }
      return users;
    };
    const even = await versionsOf();
    assert.deepEqual(new Set(even), new Set(['1', version]));
    await ground.plinth('traffic', 'set', model, '--weights', `1=1,${version}=3`);
    const moved = await versionsOf();
    for (const [user, before] of even.entries()) if (before === version) assert.equal(moved[user], version);
    await ground.plinth('traffic', 'set', model, '--weights', `${version}=1`);
    assert.deepEqual(new Set(await versionsOf()), new Set([version]));
    assert.deepEqual((await ground.line(model)).traffic.weights, { [version]: 1 });
  });

  test('promotion and abortion by hand fail nobody, and the version before is there at once', async () => {
    const model = 'hand';
    await ground.plinth('models', 'alias', model, 'stable=1');
    await ground.plinth('traffic', 'set', model, '--sticky', 'request');
    const [second, third] = [await ground.addVersion(model, echo()), await ground.addVersion(model, echo())];
    const asking = load(model);
    const start = async (to: string): Promise<void> => {
      await ground.ask('/plinth/v1/rollouts', { model, to, strategy: 'canary', plan: { steps: patient } });
      const begun = asking.answersOf(to).length;
      await until(() => Promise.resolve(asking.answersOf(to).length > begun + 5 || undefined));
    };
    await start(second);
    await ground.plinth('rollout', 'promote', model, '--reason', 'by hand');
    await more(asking);
    assert.equal((await ground.line(model)).aliases['stable'], second);
    const pid = await ground.pidOf(model, second);
    await start(third);
    await ground.plinth('rollout', 'abort', model);
    await more(asking, 5);
    const lately = asking.answers.length;
    await more(asking);
    const answers = await asking.stop();
    assert.deepEqual(failuresOf(answers), []);
    assert.deepEqual(new Set(answers.slice(lately).map((one) => one.version)), new Set([second]));
    assert.equal(await ground.pidOf(model, second), pid);
    const { state, reason } = await ground.plinthJson<RolloutStatus>('rollout', 'status', model);
    assert.equal(state, 'aborted', reason);
    await ground.audit();
  });

  test('a candidate that hangs while it gets copies costs callers nothing', async () => {
    const model = 'copies';
    const version = await ground.addVersion(model, echo());
    const plan = { shadow: { comparisons: 1_000_000 }, steps: patient };
    const asking = load(model);
    await ground.ask('/plinth/v1/rollouts', { model, to: version, plan });
    await ground.whenRollout(model, ({ state, counts }) => state === 'shadowing' && (counts?.comparisons ?? 0) > 5);
    const pid = await ground.pidOf(model, version);
    process.kill(pid, 'SIGSTOP');
    await more(asking, 100);
    await until(async () => (await ground.pidOf(model, version)) !== pid || undefined);
    await more(asking, 20);
    const answers = await asking.stop();
    assert.deepEqual(failuresOf(answers), []);
    assert.deepEqual(new Set(answers.map((one) => one.version)), new Set(['1']));
    await ground.abortRunning(model);
  });

  test('a version that crashes at every 20th request is found at a share of one in ten', async (context) => {
    const model = 'crash';
    await ground.plinth('traffic', 'set', model, '--sticky', 'request');
    const release = await runRelease(ground, {
      model,
      version: await ground.addVersion(model, echo({ failEvery: 20 })),
      strategy: 'canary',
      plan: {
        leastObservations: 8,
        steps: [10, 50, 100].map((percent) => ({ percent, requests: 50 })),
        // A replica that has just begun is slow too.
        judges: { firstToken: null, interToken: null },
      },
      load: { kind: 'chat', callers: 2 },
    });
    tellShare(context, release);
    assert.equal(release.status.state, 'rolled-back', release.status.headline);
    assert.match(release.status.reason, /^errors: /);
    assert.ok((await failedJudges(ground, model)).every((judge) => judge === 'errors'));
    checkAnswers(release, '1');
  });
});

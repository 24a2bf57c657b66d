import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { ReleaseGround, until } from '../support/release-ground.ts';
import { beginLoad, type SteadyLoad } from '../support/steady-load.ts';

interface Experiment {
  readonly id: string;
  readonly state: string;
  readonly reason: string;
  readonly conclusion: string;
  readonly isDecided: boolean;
  readonly arms: ReadonlyArray<{
    readonly name: string;
    readonly requests: number;
    readonly assigned: number;
    readonly versusControl?: { readonly state: string; readonly difference: number; readonly p: number };
  }>;
  readonly guards: ReadonlyArray<{ readonly metric: string; readonly arm: string; readonly state: string }>;
}

const model = 'chat';
const arms = [
  { name: 'quick', version: '1' },
  { name: 'slow', version: '2' },
];
const sticky = { by: 'header', header: 'x-user' };

describe('an experiment between two versions that callers are asking all the time', () => {
  let ground: ReleaseGround;
  let load: SteadyLoad;

  before(async () => {
    ground = await ReleaseGround.open({ config: { models: [{ name: model, engine: 'echo', stepMs: 2, slots: 4 }] } });
    await ground.addVersion(model, { settings: { engine: 'echo', stepMs: 12, slots: 4 } });
    const headers = (count: number) => ({ 'x-user': `user ${count % 97}` });
    load = beginLoad({ url: ground.served.url, model, kind: 'chat', callers: 2, headers });
  });
  after(async () => {
    await load?.stop();
    await ground?.served.stop();
  });

  const start = (plan: object) => ground.ask<Experiment>('/plinth/v1/experiments', { model, arms, sticky, ...plan });
  const read = (id: string) => ground.ask<Experiment>(`/plinth/v1/experiments/${id}`);
  const whenSo = async (id: string, isSo: (experiment: Experiment) => boolean): Promise<Experiment> => {
    let last: Experiment | undefined;
    return until(
      async () => {
        last = await read(id);
        return isSo(last) ? last : undefined;
      },
      () => JSON.stringify(last),
    );
  };

  test('the arm that is slow to its first token is found, and the weights of the model stay with the control', async (context) => {
    const { id } = await start({ metric: 'firstToken', guards: [] });
    const decided = await whenSo(id, ({ isDecided }) => isDecided);
    const slow = decided.arms.find(({ name }) => name === 'slow');
    context.diagnostic(decided.conclusion);
    assert.equal(slow?.versusControl?.state, 'worse');
    assert.ok((slow?.versusControl?.p ?? 1) < 0.05);
    assert.ok((slow?.versusControl?.difference ?? 0) > 0);
    assert.equal(decided.state, 'running', 'whoever began it ends it');
    await ground.ask(`/plinth/v1/experiments/${id}/stop`, { reason: 'seen enough' });
    assert.deepEqual((await ground.line(model)).traffic.weights, { '1': 1 });
    const { assignments } = await ground.ask<{ assignments: { unit: string; arm: string; version: string }[] }>(
      `/plinth/v1/experiments/${id}/assignments`,
    );
    assert.ok(assignments.length > 0);
    for (const { arm, version } of assignments) assert.equal(version, arms.find(({ name }) => name === arm)?.version);
    assert.equal(new Set(assignments.map(({ unit }) => unit)).size, assignments.length, 'a caller has one arm');
  });

  test('a guard that is broken stops it, and everything goes to the control again', async () => {
    const { id } = await start({ metric: 'refusals', guards: [{ metric: 'interToken', limit: 0.5 }] });
    const stopped = await whenSo(id, ({ state }) => state === 'stopped');
    assert.match(stopped.reason, /slow breaks the guard interToken/);
    assert.equal(stopped.guards.find(({ arm }) => arm === 'slow')?.state, 'broken');
    const seen = load.answers.length;
    await until(() => Promise.resolve(load.answers.length >= seen + 30 || undefined));
    assert.deepEqual(new Set(load.answers.slice(-10).map(({ version }) => version)), new Set(['1']));
    assert.deepEqual(load.failures, []);
    await ground.audit();
  });
});

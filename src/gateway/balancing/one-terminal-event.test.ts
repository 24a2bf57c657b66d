import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setImmediate as turn } from 'node:timers/promises';
import fc from 'fast-check';
import { isTerminal, type InferenceEvent } from '../../core/inference/index.ts';
import { generateRequest, routedModel, routedReplica, FakeSnapshots } from '../fake-snapshots.ts';
import type { StageCall } from '../stage.ts';
import { createBalance, type Balance } from './balance.ts';

/** What one attempt does: some events, each after some turns of the event loop, and then an end of some kind. */
interface Attempt {
  readonly turns: readonly number[];
  readonly end: 'finished' | 'failed' | 'lost' | 'breaks-off' | 'throws' | 'hangs' | 'goes-on';
}

interface Script {
  readonly isFolded: boolean;
  readonly attempts: readonly Attempt[];
  readonly deadlineTurns: number | undefined;
  readonly abortAfterTurns: number | undefined;
  readonly leaveAfterEvents: number | undefined;
}

const attempt: fc.Arbitrary<Attempt> = fc.record({
  turns: fc.array(fc.nat(2), { maxLength: 3 }),
  end: fc.constantFrom('finished', 'failed', 'lost', 'lost', 'breaks-off', 'throws', 'hangs', 'goes-on'),
});

const script: fc.Arbitrary<Script> = fc.record({
  isFolded: fc.boolean(),
  attempts: fc.array(attempt, { minLength: 1, maxLength: 4 }),
  deadlineTurns: fc.option(fc.nat(10), { nil: undefined }),
  abortAfterTurns: fc.option(fc.nat(10), { nil: undefined }),
  leaveAfterEvents: fc.option(fc.nat(3), { nil: undefined }),
});

/** After which turns the snapshot has how many ready replicas. */
const schedule = fc.array(fc.nat(2), { maxLength: 12 });

async function* play(attempt: Attempt, label: string): AsyncGenerator<InferenceEvent> {
  for (const turns of attempt.turns) {
    for (let index = 0; index < turns; index++) await turn();
    yield { type: 'text-delta', choice: 0, text: label };
  }
  if (attempt.end === 'throws') throw new Error('broken');
  if (attempt.end === 'hangs') await new Promise(() => undefined);
  if (attempt.end === 'breaks-off') return;
  if (attempt.end === 'lost') yield { type: 'failed', error: { code: 'replica_lost', message: 'gone' } };
  else if (attempt.end === 'failed') yield { type: 'failed', error: { code: 'engine_failed', message: 'no' } };
  else yield { type: 'finished', timings: { queueMs: 0, prefillMs: 0, decodeMs: 0 } };
  if (attempt.end !== 'goes-on') return;
  yield { type: 'text-delta', choice: 0, text: 'late' };
  yield { type: 'failed', error: { code: 'internal_error', message: 'late' } };
}

interface Run {
  readonly events: InferenceEvent[];
  hasLeft: boolean;
}

async function runScript(balance: Balance, given: Script): Promise<Run> {
  const abort = new AbortController();
  const call: StageCall = {
    requestId: 'r',
    principal: { keyId: 'k', role: 'inference' },
    signal: abort.signal,
    deadlineMs: given.deadlineTurns === undefined ? 1e12 : performance.now() + given.deadlineTurns / 10,
    record: { startedMs: 0, deltas: 0 },
    isFolded: given.isFolded,
  };
  if (given.abortAfterTurns !== undefined) void after(given.abortAfterTurns, () => abort.abort());
  let attempts = 0;
  const stream = balance.stage(generateRequest(), call, () => {
    const current = given.attempts[attempts % given.attempts.length];
    attempts += 1;
    assert.ok(current !== undefined && attempts <= 3);
    return play(current, `attempt ${attempts}`);
  });
  const run: Run = { events: [], hasLeft: false };
  for await (const event of stream) {
    run.events.push(event);
    run.hasLeft = run.events.length - 1 === given.leaveAfterEvents && !isTerminal(event);
    if (run.hasLeft) break;
  }
  return run;
}

async function after(turns: number, act: () => void): Promise<void> {
  for (let index = 0; index < turns; index++) await turn();
  act();
}

function setReady(snapshots: FakeSnapshots, count: number): void {
  const replicas = ['a', 'b'].slice(0, count).map((id) => routedReplica({ id, slots: 1 }));
  snapshots.set([routedModel({ replicas, queueLength: 3, queueTimeoutMs: 2 })]);
}

function checkRun({ events, hasLeft }: Run): void {
  const terminals = events.filter(isTerminal);
  assert.equal(terminals.length, hasLeft ? 0 : 1);
  if (!hasLeft) assert.ok(isTerminal(events.at(-1) ?? assert.fail('no event')));
  const sources = new Set(events.flatMap((event) => (event.type === 'text-delta' ? [event.text] : [])));
  assert.ok(sources.size <= 1, `an answer was mixed of ${[...sources].join(' and ')}`);
  assert.ok(!sources.has('late'));
}

/** Room for all that the model can hold means that every seat was given back. */
async function checkAllSeatsFree(balance: Balance, snapshots: FakeSnapshots): Promise<void> {
  setReady(snapshots, 2);
  const full: Script = {
    isFolded: false,
    attempts: [{ turns: [0, 1], end: 'finished' }],
    deadlineTurns: undefined,
    abortAfterTurns: undefined,
    leaveAfterEvents: undefined,
  };
  const runs = await Promise.all(Array.from({ length: 5 }, () => runScript(balance, full)));
  for (const run of runs) assert.equal(run.events.at(-1)?.type, 'finished');
}

test('whatever replicas, deadlines, callers and snapshots do, every stream has exactly one terminal event and gives its seat back', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(script, { minLength: 1, maxLength: 7 }), schedule, async (scripts, readyCounts) => {
      const snapshots = new FakeSnapshots([]);
      setReady(snapshots, 2);
      const balance = createBalance({ snapshots, reachability: { isReachable: () => true, onReachable: () => () => undefined } });
      const runs = Promise.all(scripts.map((given) => runScript(balance, given)));
      for (const count of readyCounts) {
        await turn();
        setReady(snapshots, count);
      }
      await after(40, () => balance.failAll({ code: 'draining', message: 'bye' }));
      for (const run of await runs) checkRun(run);
      await checkAllSeatsFree(balance, snapshots);
    }),
    { numRuns: 300 },
  );
});

import assert from 'node:assert/strict';
import type { TestContext } from 'node:test';
import { until, type ReleaseGround, type RolloutStatus } from './release-ground.ts';
import { beginLoad, type Answered, type LoadOptions } from './steady-load.ts';

/** Longest that a decision may take to reach every caller. */
const SHIFT_MS = 2_000;
const LATER_ANSWERS = 3;

/** A rollout that is to be watched to its end, under load. */
export interface RunOrder {
  readonly model: string;
  readonly version: string;
  readonly strategy: string;
  readonly plan: object;
  readonly load: Omit<LoadOptions, 'url' | 'model'>;
}

/** What came of it. */
export interface ReleaseRun {
  /** By `plinth rollout status --json`. */
  readonly status: RolloutStatus;
  readonly answers: readonly Answered[];
  /** Of the candidate, all of them to callers. */
  readonly ofCandidate: readonly Answered[];
  /** Begun when the end had long been decided. */
  readonly later: readonly Answered[];
}

/** Starts the load, then the rollout, and goes on with the load for a while after the rollout has ended by itself. */
export async function runRelease(ground: ReleaseGround, order: RunOrder): Promise<ReleaseRun> {
  const { model, version, strategy, plan } = order;
  const load = beginLoad({ ...order.load, url: ground.served.url, model });
  try {
    await ground.ask('/plinth/v1/rollouts', { model, to: version, strategy, plan });
    const { endedAt = 0 } = await ground.whenEnded(model);
    const later = () => load.answers.filter(({ beganAt }) => beganAt > endedAt + SHIFT_MS);
    await until(() => Promise.resolve(later().length >= LATER_ANSWERS || undefined));
    await load.stop();
    const status = await ground.plinthJson<RolloutStatus>('rollout', 'status', model);
    return { status, answers: load.answers, ofCandidate: load.answersOf(version), later: later() };
  } finally {
    await load.stop();
  }
}

/** No caller was failed, every answer says who gave it, and whoever answers after the end is the one who should. */
export function checkAnswers({ answers, later }: ReleaseRun, endsAt: string): void {
  assert.deepEqual(answers.map(({ failure }) => failure).filter(Boolean), []);
  for (const { version, arm, told } of answers) {
    assert.equal(told?.version, version);
    assert.equal(told?.arm ?? '', arm);
  }
  assert.ok(later.length >= LATER_ANSWERS);
  assert.deepEqual([...new Set(later.map(({ version }) => version))], [endsAt]);
}

/** What `rollout why` says besides the status: the judges that decided. */
export async function failedJudges(ground: ReleaseGround, model: string): Promise<readonly string[]> {
  const why = await ground.plinthJson<{ state: string; because: string[]; failed: { judge: string }[] }>('rollout', 'why', model);
  assert.ok(why.because.length > 0, 'a rollout that has ended says why');
  return why.failed.map(({ judge }) => judge);
}

interface Receipt {
  readonly version: string;
  readonly arm: string;
  readonly outcome: string;
  readonly routes: ReadonlyArray<{
    readonly by: string;
    readonly purpose?: { readonly kind: string; readonly id: string };
    readonly scores?: ReadonlyArray<{ readonly version: string; readonly score: number; readonly isPick: boolean }>;
  }>;
  readonly replica: {
    readonly id: string;
    readonly candidates: ReadonlyArray<{ readonly id: string; readonly isPick: boolean }>;
  };
  readonly times: { readonly totalMs: number };
}

/** The receipt of an answer says that the rollout chose its version, by which scores, and which replica gave it. */
export async function checkReceipt(ground: ReleaseGround, answer: Answered, rollout: RolloutStatus): Promise<void> {
  const receipt = await ground.ask<Receipt>(`/plinth/v1/requests/${answer.requestId}`);
  assert.deepEqual([receipt.version, receipt.arm, receipt.outcome], [answer.version, answer.arm, 'ok']);
  const [route] = receipt.routes;
  assert.equal(route?.by, 'rollout');
  assert.deepEqual(route?.purpose, { kind: 'rollout', id: rollout.id });
  const scores = route?.scores ?? [];
  const highest = scores.toSorted((a, b) => b.score - a.score)[0];
  assert.deepEqual([highest?.version, highest?.isPick, scores.length], [answer.version, true, 2]);
  assert.equal(receipt.replica.candidates.find(({ isPick }) => isPick)?.id, receipt.replica.id);
  assert.ok(receipt.times.totalMs > 0);
}

/** The moves of a rollout as the audit log has them, after a look that the log has no gap: `preparing 0 %`, `canary 10 %` … */
export async function readMoves(ground: ReleaseGround, { id }: RolloutStatus): Promise<readonly string[]> {
  const entries = (await ground.audit()).filter(({ subject }) => subject === `rollout ${id}`);
  return entries.map(({ detail }) => {
    const { state, share } = detail['to'] as { state: string; share: number };
    return `${state} ${Math.round(share * 100)} %`;
  });
}

/** How many answers the candidate gave before the end, for whoever reads the report of the tests. */
export function tellShare(context: TestContext, { status, answers, ofCandidate }: ReleaseRun): void {
  const { startedAt, endedAt = startedAt, counts } = status;
  const [all, own] = [answers, ofCandidate].map((list) => list.filter(({ beganAt }) => beganAt <= endedAt).length);
  const seconds = ((endedAt - startedAt) / 1000).toFixed(1);
  context.diagnostic(
    `${status.state} after ${seconds} s: ${own} of ${all} answers by the candidate, ${counts?.comparisons ?? 0} comparisons`,
  );
}

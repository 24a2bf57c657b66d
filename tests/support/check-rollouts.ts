import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { chooseRolloutTraffic, isRunning, readPlan } from '../../src/control/rollouts/index.ts';
import type { JsonValue } from '../../src/core/inference/index.ts';
import type { AuditRecord, ReleaseRecords, RolloutRecord, RolloutState } from '../../src/core/records/index.ts';

/** What a process was told had been written. */
export interface Acknowledged {
  readonly id: string;
  readonly revision: number;
  readonly state: RolloutState;
}

/** Where each state may lead to, written down apart from the code that decides it. */
const LEGAL: Readonly<Record<RolloutState, readonly RolloutState[]>> = {
  preparing: ['shadowing', 'canary', 'promoted', 'rolled-back', 'aborted', 'failed'],
  shadowing: ['canary', 'promoted', 'rolled-back', 'aborted'],
  canary: ['canary', 'promoted', 'rolled-back', 'aborted'],
  promoted: [],
  'rolled-back': [],
  aborted: [],
  failed: [],
};

interface Place {
  readonly state: RolloutState;
  readonly step: number;
  readonly share: number;
}

/** Everything that must hold of a book with rollouts of one model, whenever one looks. Throws what does not. Gives the number of audit entries. */
export async function checkRollouts(
  book: ReleaseRecords,
  model: string,
  acknowledged: readonly Acknowledged[] = [],
): Promise<number> {
  const [audit, rollouts, contents] = await Promise.all([
    readWholeAudit(book),
    book.listRollouts(model, 1_000),
    book.readReleases(),
  ]);
  checkChain(audit);
  assert.ok(rollouts.filter(isRunning).length <= 1, 'at most one rollout of a model runs');
  for (const rollout of rollouts) {
    checkMoves(rollout, audit);
    checkTraffic(rollout);
  }
  for (const { id, revision, state } of acknowledged) {
    const entry = audit.find(({ subject, detail }) => subject === `rollout ${id}` && detail['revision'] === revision);
    assert.equal(placeOf(entry?.detail['to'])?.state, state, `what was acknowledged of ${id} at revision ${revision} is lost`);
  }
  const line = contents.lines.find((record) => record.model === model);
  if (rollouts.length > 0) assert.deepEqual(line?.traffic.weights, expectedWeights(audit), 'the weights of the line');
  return audit.length;
}

async function readWholeAudit(book: ReleaseRecords): Promise<readonly AuditRecord[]> {
  const entries: AuditRecord[] = [];
  for (;;) {
    const page = await book.readAudit({ after: entries.length, most: 500 });
    entries.push(...page);
    if (page.length === 0) return entries;
  }
}

function checkChain(audit: readonly AuditRecord[]): void {
  let previous = '';
  for (const [i, { digest, ...entry }] of audit.entries()) {
    assert.equal(entry.sequence, i + 1, 'the audit log has no gap');
    const { sequence, at, actor, action, subject, detail } = entry;
    const text = canonical({ sequence, at, actor, action, subject, detail });
    assert.equal(digest, createHash('sha256').update(previous).update(text).digest('hex'), `the digest of entry ${sequence}`);
    previous = digest;
  }
}

/** RFC 8785 for what JSON.stringify has no order for. */
function canonical(value: JsonValue): string {
  if (Array.isArray(value)) return `[${value.map(canonical).join(',')}]`;
  if (typeof value !== 'object' || value === null) return JSON.stringify(value);
  const members = Object.entries(value).toSorted(([a], [b]) => (a < b ? -1 : 1));
  return `{${members.map(([name, member]) => `${JSON.stringify(name)}:${canonical(member)}`).join(',')}}`;
}

function checkMoves(rollout: RolloutRecord, audit: readonly AuditRecord[]): void {
  let at: Place | undefined;
  let revision = 0;
  for (const { subject, detail, action } of audit) {
    if (subject !== `rollout ${rollout.id}`) continue;
    const to = placeOf(detail['to']);
    assert.ok(to);
    assert.deepEqual(placeOf(detail['from']), at, `${action} of ${rollout.id} begins where the entry before ended`);
    assert.equal(detail['revision'], ++revision, `revisions of ${rollout.id} have no gap`);
    if (at === undefined) assert.equal(to.state, 'preparing');
    else checkMove(at, to, action);
    at = to;
  }
  const { state, step, share } = rollout;
  assert.deepEqual({ state, step, share, revision: rollout.revision }, { ...at, revision }, 'the record is where the log ended');
}

function checkMove(from: Place, to: Place, action: string): void {
  if (action === 'rollout.paused' || action === 'rollout.resumed') {
    assert.deepEqual(to, from);
    return;
  }
  assert.ok(LEGAL[from.state].includes(to.state), `${from.state} → ${to.state}`);
  if (to.state === 'canary') assert.equal(to.step, from.state === 'canary' ? from.step + 1 : 0);
}

function placeOf(value: unknown): Place | undefined {
  return value === null || value === undefined ? undefined : (value as Place);
}

function checkTraffic(rollout: RolloutRecord): void {
  const { arms, shadow } = chooseRolloutTraffic(rollout, readPlan(rollout.plan));
  const weights = Object.fromEntries(arms.map(({ version, weight }) => [version, weight]));
  assert.equal(
    Object.values(weights).reduce((sum, weight) => sum + weight),
    100,
  );
  assert.equal(weights[rollout.candidate], Math.round(rollout.share * 1e6) / 1e4, 'the candidate has its share');
  const isLive = rollout.state === 'canary' || rollout.state === 'promoted';
  assert.equal(rollout.share > 0, isLive);
  assert.equal(rollout.endedAt !== undefined, !isRunning(rollout));
  if (shadow !== undefined) assert.ok(isRunning(rollout));
}

/** Everything goes to the candidate that was promoted last, or to where the first rollout began. */
function expectedWeights(audit: readonly AuditRecord[]): Readonly<Record<string, number>> {
  const ofRollouts = audit.filter(({ subject }) => subject.startsWith('rollout '));
  const promoted = ofRollouts.findLast(({ action }) => action === 'rollout.promoted');
  const version = promoted?.detail['candidate'] ?? ofRollouts[0]?.detail['baseline'];
  return { [String(version)]: 1 };
}

import type { ExperimentRecord, Lease } from '../../core/records/index.ts';
import { addPart, keepLeastP, readEvidence, readResult, writeEvidence, type ExperimentEvidence } from './analysing/index.ts';
import { chooseEnding } from './choose-ending.ts';
import { chooseStop } from './choose-start.ts';
import { metricsOf, type ExperimentPlan } from './experiment-plan.ts';
import type { ExperimentBook } from './experiment-ports.ts';
import { gatherFeedback } from './gather-feedback.ts';
import type { PendingPart } from './pending-part.ts';

/** An experiment that runs, and what this process has seen of it. */
export interface RunningExperiment {
  readonly id: string;
  readonly model: string;
  readonly plan: ExperimentPlan;
  /** Unix milliseconds. */
  readonly startedAt: number;
  readonly pending: PendingPart;
  /** Feedback up to this row was in the evidence when this process looked last. */
  feedbackRow: number;
}

/** What became of it: `busy` while another process holds the lease; `ended` also when it had ended before. */
export type Addition = 'added' | 'busy' | 'ended';

/** Somebody who ends it. */
export interface StopOrder {
  readonly actor: string;
  readonly reason: string;
}

export interface AdditionGround {
  readonly book: ExperimentBook;
  readonly holder: string;
  /** Unix milliseconds. */
  readonly now: number;
}

const LEASE_MS = 10_000;
/** A running experiment is among the newest of its model. */
const NEWEST = 20;

/** Whether there is something to add, or it ends by its time: others need no look at the book. */
export async function isDue(running: RunningExperiment, { book, now }: Pick<AdditionGround, 'book' | 'now'>): Promise<boolean> {
  const { id, plan, pending, startedAt, feedbackRow } = running;
  if (pending.isWaiting || (plan.mostMinutes > 0 && now >= startedAt + plan.mostMinutes * 60_000)) return true;
  return metricsOf(plan).includes('feedback') && (await book.readFeedback(id, { after: feedbackRow, most: 1 })).length > 0;
}

/**
 * Adds what this process has seen to the evidence in the book: read, add, write, under the experiment's lease, so that no other process
 * writes in between; a part that was added already is known by its number. Whoever adds also looks whether the experiment ends.
 */
export async function addToBook(running: RunningExperiment, ground: AdditionGround, stop?: StopOrder): Promise<Addition> {
  const { book, holder } = ground;
  await noteAssignments(running, book);
  const lease = await book.takeLease(`experiment:${running.id}`, holder, LEASE_MS);
  if (lease === undefined) return 'busy';
  try {
    return await addUnderLease(running, { ...ground, lease }, stop);
  } finally {
    await book.giveLease(lease).catch(() => undefined);
  }
}

async function addUnderLease(
  running: RunningExperiment,
  { book, holder, now, lease }: AdditionGround & { readonly lease: Lease },
  stop: StopOrder | undefined,
): Promise<Addition> {
  const { id, model, plan, pending } = running;
  const record = await findExperiment(book, model, id);
  if (record === undefined || record.state === 'stopped') return 'ended';
  const part = pending.take();
  const before = readEvidence(record.evidence, plan);
  const { feedbackRow } = before;
  const seen = part === undefined ? before : addPart(before, { holder, ...part });
  await gatherFeedback(book, { id, plan }, seen);
  const { evidence, ending } = look(record, { plan, seen, now });
  const order = stop ?? (ending === undefined ? undefined : { actor: 'autopilot', reason: ending });
  const written = writeEvidence(evidence);
  if (order !== undefined) await book.change({ ...chooseStop(record, { ...order, at: now, evidence: written }), lease });
  else if (part !== undefined || seen.feedbackRow > feedbackRow)
    await book.noteExperimentEvidence({ id, evidence: written }, lease);
  pending.added();
  running.feedbackRow = seen.feedbackRow;
  return order === undefined ? 'added' : 'ended';
}

function look(
  { startedAt }: ExperimentRecord,
  { plan, seen, now }: { readonly plan: ExperimentPlan; readonly seen: ExperimentEvidence; readonly now: number },
) {
  const result = readResult({ plan, evidence: seen, assigned: {} });
  return { evidence: keepLeastP(seen, result), ending: chooseEnding({ plan, result, startedAt, now }) };
}

/** The record as it is now; undefined when the book has none. */
export async function findExperiment(
  book: Pick<ExperimentBook, 'listExperiments'>,
  model: string,
  id: string,
): Promise<ExperimentRecord | undefined> {
  return (await book.listExperiments(model, NEWEST)).find((record) => record.id === id);
}

async function noteAssignments({ pending }: RunningExperiment, book: ExperimentBook): Promise<void> {
  const assignments = pending.takeAssignments();
  if (assignments.length === 0) return;
  try {
    await book.noteAssignments(assignments);
  } catch (error) {
    pending.returnAssignments(assignments);
    throw error;
  }
}

import type { JsonObject } from '../../core/inference/index.ts';
import type { AuditNote, LineRecord, ReleaseChange, RolloutRecord } from '../../core/records/index.ts';
import { defaultTrafficPolicy } from '../../core/traffic/index.ts';
import { chooseRolloutMove, type RolloutEnd } from './choose-rollout-move.ts';
import type { RolloutPlan } from './rollout-plan.ts';
import type { JudgeName } from './rollout-plan.ts';

/** A change of the book that writes a rollout. */
export type RolloutChange = ReleaseChange & { readonly rollout: RolloutRecord };

/** A move of a rollout, and who makes it why. */
export interface MoveOrder {
  readonly to: 'next' | RolloutEnd;
  readonly actor: string;
  readonly reason: string;
  /** Unix milliseconds. */
  readonly at: number;
  /** The judges that decided it. */
  readonly failed?: readonly JudgeName[];
}

/** What a move is made on top of. */
export interface MoveGround {
  readonly rollout: RolloutRecord;
  readonly plan: RolloutPlan;
  /** The line of the model; absent when the book has none. */
  readonly line?: LineRecord | undefined;
}

/**
 * The move of a rollout as one change: a promotion also gives the line's weights to the candidate and moves its aliases. Undefined when the plan has no such move.
 */
export function chooseRolloutChange(ground: MoveGround, order: MoveOrder): RolloutChange | undefined {
  const rollout = chooseRolloutMove(ground.rollout, order, ground.plan);
  if (rollout === undefined) return undefined;
  const line = rollout.state === 'promoted' ? promotedLine(ground) : undefined;
  const moved = line === undefined ? [] : movedAliases(ground);
  return {
    rollout,
    ...(line !== undefined && { line }),
    audit: auditNote(ground.rollout, rollout, {
      actor: order.actor,
      action: actionOf(rollout),
      extra: {
        ...(order.failed !== undefined && order.failed.length > 0 && { failed: [...order.failed] }),
        ...(line !== undefined && { aliases: moved }),
      },
    }),
  };
}

/** A rollout that somebody, or its own patience, halts where it is. */
export function choosePause(rollout: RolloutRecord, { actor, reason }: Pick<MoveOrder, 'actor' | 'reason'>): RolloutChange {
  const paused = { ...rollout, pausedBecause: reason, revision: rollout.revision + 1 };
  return { rollout: paused, audit: auditNote(rollout, paused, { actor, action: 'rollout.paused', extra: { because: reason } }) };
}

/** A paused rollout that goes on. */
export function chooseResume(rollout: RolloutRecord, actor: string): RolloutChange {
  const { pausedBecause, ...rest } = rollout;
  const resumed = { ...rest, revision: rollout.revision + 1 };
  const extra = { because: pausedBecause ?? '' };
  return { rollout: resumed, audit: auditNote(rollout, resumed, { actor, action: 'rollout.resumed', extra }) };
}

/** What the audit log calls a rollout. */
export function subjectOf({ id }: Pick<RolloutRecord, 'id'>): string {
  return `rollout ${id}`;
}

/** `from` of a note is `to` of the note before: a gap would show. */
export function auditNote(
  before: RolloutRecord | undefined,
  after: RolloutRecord,
  { actor, action, extra }: { readonly actor: string; readonly action: string; readonly extra: JsonObject },
): AuditNote {
  const { model, baseline, candidate, reason, revision } = after;
  const from = before === undefined ? null : placeOf(before);
  const detail = { model, baseline, candidate, from, to: placeOf(after), reason, revision, ...extra };
  return { actor, action, subject: subjectOf(after), detail };
}

function placeOf({ state, step, share }: RolloutRecord): JsonObject {
  return { state, step, share };
}

function actionOf({ state }: RolloutRecord): string {
  return state === 'shadowing' || state === 'canary' ? 'rollout.advanced' : `rollout.${state}`;
}

function promotedLine({ rollout, plan, line }: MoveGround): LineRecord {
  const before = line ?? { model: rollout.model, policy: { latest: 1 }, aliases: {}, traffic: defaultTrafficPolicy, revision: 0 };
  const moved = movedAliases({ rollout, plan, line }).map((alias) => [alias, rollout.candidate] as const);
  return {
    ...before,
    aliases: { ...before.aliases, ...Object.fromEntries(moved) },
    traffic: { ...before.traffic, weights: { [rollout.candidate]: 1 } },
    revision: before.revision + 1,
  };
}

function movedAliases({ rollout, plan, line }: MoveGround): string[] {
  const aliases = line?.aliases ?? {};
  return plan.aliases.filter((alias) => Object.hasOwn(aliases, alias) && aliases[alias] === rollout.baseline);
}

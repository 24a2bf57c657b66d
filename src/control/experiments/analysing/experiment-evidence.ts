import { z } from 'zod';
import type { JsonObject } from '../../../core/inference/index.ts';
import type { Observation } from '../../../core/messages/index.ts';
import {
  addEvent,
  addToCluster,
  clusteredSumsSchema,
  eventTestSchema,
  mergeClusteredSums,
  mergeEventTests,
  noClusteredSums,
  noEventTest,
} from '../../../core/statistics/index.ts';
import { controlOf, METRICS, metricsOf, type ExperimentPlan, type MetricName } from '../experiment-plan.ts';
import { valueOf } from './metrics.ts';

/** What a unit (a caller, a conversation) does depends on itself; units of different groups are independent. */
const GROUPS = 100;
const EVENT_METRICS = ['errors', 'refusals'] as const;
type EventMetric = (typeof EVENT_METRICS)[number];
const MOST_HOLDERS = 64;

const count = z.int().min(0);
const armSchema = z.strictObject({
  requests: count,
  metrics: z.partialRecord(z.enum(METRICS), clusteredSumsSchema),
  /** Against the control, request by request; absent of the control itself. */
  events: z.partialRecord(z.enum(EVENT_METRICS), eventTestSchema),
});
const evidenceSchema = z.strictObject({
  version: z.literal(1),
  arms: z.record(z.string(), armSchema),
  /** The least p-value that was seen of an arm; such a minimum is a valid p-value itself. */
  leastP: z.record(z.string(), z.number().min(0).max(1)),
  /** Feedback up to this row of the book is in it. */
  feedbackRow: count,
  /** The last part that each process has added. */
  parts: z.record(z.string(), count),
});

/** What an experiment has seen: the sum of the parts of all processes. Plain data, changed in place. */
export type ExperimentEvidence = z.infer<typeof evidenceSchema>;
export type ArmEvidence = z.infer<typeof armSchema>;

/** Of an experiment that nobody has had an answer of. */
export function noEvidence(plan: ExperimentPlan): ExperimentEvidence {
  const control = controlOf(plan).name;
  const metrics = metricsOf(plan);
  const arms = plan.arms.map(({ name }): [string, ArmEvidence] => [
    name,
    {
      requests: 0,
      metrics: Object.fromEntries(metrics.map((metric) => [metric, noClusteredSums(GROUPS)])),
      events: name === control ? {} : Object.fromEntries(eventMetrics(metrics).map((metric) => [metric, noEventTest()])),
    },
  ]);
  return { version: 1, arms: Object.fromEntries(arms), leastP: {}, feedbackRow: 0, parts: {} };
}

/** Evidence that cannot be read, of another release, is gathered anew: an experiment must be possible to stop and to look at all the same. */
export function readEvidence(json: JsonObject, plan: ExperimentPlan): ExperimentEvidence {
  const parsed = evidenceSchema.safeParse(structuredClone(json));
  const isWhole = parsed.success && plan.arms.every(({ name }) => Object.hasOwn(parsed.data.arms, name));
  return isWhole ? parsed.data : noEvidence(plan);
}

/** The evidence as the book keeps it. */
export function writeEvidence(evidence: ExperimentEvidence): JsonObject {
  return JSON.parse(JSON.stringify(evidence)) as JsonObject;
}

/** Takes one answer in. Cancelled and refused ones, and those of versions that are not the arm's, count for nothing. */
export function addObservation(evidence: ExperimentEvidence, plan: ExperimentPlan, observation: Observation): void {
  const arm = plan.arms.find(({ name }) => name === observation.arm);
  const part = arm === undefined ? undefined : evidence.arms[arm.name];
  if (part === undefined || arm?.version !== observation.version) return;
  if (observation.outcome === 'cancelled' || observation.outcome === 'refused') return;
  part.requests += 1;
  for (const metric of metricsOf(plan))
    addValue(evidence, plan, { metric, arm: arm.name, unit: observation.unit, value: valueOf(metric, observation) });
}

/** One number of one unit. */
export interface MeasuredValue {
  readonly metric: MetricName;
  readonly arm: string;
  readonly unit: string;
  readonly value: number | undefined;
}

/** Takes one number in, in the metric's scale. */
export function addValue(evidence: ExperimentEvidence, plan: ExperimentPlan, { metric, arm, unit, value }: MeasuredValue): void {
  const sums = evidence.arms[arm]?.metrics[metric];
  if (sums === undefined || value === undefined) return;
  addToCluster(sums, groupOf(unit), value);
  if (metric !== 'errors' && metric !== 'refusals') return;
  const outcome = value > 0 ? 'hit' : 'miss';
  const isControl = controlOf(plan).name === arm;
  for (const [name, { events }] of Object.entries(evidence.arms)) {
    const test = events[metric];
    if (test !== undefined && (isControl || name === arm)) addEvent(test, isControl ? 'current' : 'candidate', outcome);
  }
}

/** Both lots together. The marks of what was added are the first one's. */
export function mergeEvidence(a: ExperimentEvidence, b: Pick<ExperimentEvidence, 'arms'>): ExperimentEvidence {
  const arms = Object.entries(a.arms).map(([name, own]): [string, ArmEvidence] => {
    const other = b.arms[name];
    return [name, other === undefined ? own : mergeArms(own, other)];
  });
  return { ...a, arms: Object.fromEntries(arms) };
}

function mergeArms(a: ArmEvidence, b: ArmEvidence): ArmEvidence {
  const metrics = { ...a.metrics };
  for (const metric of METRICS) {
    const [own, other] = [a.metrics[metric], b.metrics[metric]];
    if (own !== undefined && other !== undefined) metrics[metric] = mergeClusteredSums(own, other);
  }
  const events = { ...a.events };
  for (const metric of EVENT_METRICS) {
    const [own, other] = [a.events[metric], b.events[metric]];
    if (own !== undefined && other !== undefined) events[metric] = mergeEventTests(own, other);
  }
  return { requests: a.requests + b.requests, metrics, events };
}

/** Adds a part once: false when this part of this process is in already, as after a write whose answer was lost. */
export function addPart(
  evidence: ExperimentEvidence,
  part: { readonly holder: string; readonly number: number; readonly seen: Pick<ExperimentEvidence, 'arms'> },
): ExperimentEvidence {
  if ((evidence.parts[part.holder] ?? 0) >= part.number) return evidence;
  const { [part.holder]: _, ...others } = evidence.parts;
  // Those that have been silent longest are forgotten: their processes have ended long ago.
  const kept = Object.entries(others).slice(-(MOST_HOLDERS - 1));
  return { ...mergeEvidence(evidence, part.seen), parts: { ...Object.fromEntries(kept), [part.holder]: part.number } };
}

/** FNV-1a over the digest of a unit. */
function groupOf(unit: string): number {
  let hash = 0x811c9dc5;
  for (let index = 0; index < unit.length; index += 1) hash = Math.imul(hash ^ unit.charCodeAt(index), 0x01000193);
  return (hash >>> 0) % GROUPS;
}

function eventMetrics(metrics: readonly MetricName[]): EventMetric[] {
  return EVENT_METRICS.filter((metric) => metrics.includes(metric));
}

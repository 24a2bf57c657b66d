import { createHash } from 'node:crypto';
import type { JsonObject, JsonValue } from '../../../core/inference/index.ts';
import type { AddOrder, AliasOrder, PolicyOrder, RemoveOrder, TrafficOrder } from '../changing/index.ts';
import { canonicalText } from '../changing/index.ts';

/** A rollout that is to be started. */
export interface RolloutOrder {
  readonly model: string;
  readonly to: string;
  readonly from?: string;
  /** Fields of a rollout plan; those that are left out have their defaults. */
  readonly plan: JsonObject;
}

/** An experiment that is to be started. */
export interface ExperimentOrder {
  readonly model: string;
  readonly plan: JsonObject;
}

type Planned<T> = Omit<T, 'actor'>;

/** What a step commands. `revision` of an order is that of its line when its turn comes. */
export type StepOrder =
  | { readonly action: 'add-version'; readonly order: Planned<Omit<AddOrder, 'at' | 'serving'>> }
  | { readonly action: 'set-policy'; readonly order: Planned<PolicyOrder> }
  | { readonly action: 'move-aliases'; readonly order: Planned<AliasOrder> }
  | { readonly action: 'set-traffic'; readonly order: Planned<Omit<TrafficOrder, 'known'>> }
  | { readonly action: 'remove-version'; readonly order: Planned<Omit<RemoveOrder, 'at' | 'versionsOfExperiment'>> }
  | { readonly action: 'start-rollout'; readonly order: RolloutOrder }
  | { readonly action: 'start-experiment'; readonly order: ExperimentOrder };

/** One step of a plan, as it is shown. */
export interface PlanStep {
  readonly action: StepOrder['action'];
  /** `chat`, `chat:4`. */
  readonly subject: string;
  readonly from?: JsonValue;
  readonly to?: JsonValue;
  /** What will happen, in a sentence. */
  readonly words: string;
}

/** A step with its order. */
export interface PlannedStep {
  readonly shown: PlanStep;
  readonly ordered: StepOrder;
}

/** What a file comes to, given what the book says. */
export interface ReleasePlan {
  readonly steps: readonly PlannedStep[];
  /** What the file says and no step follows from, with the reason. */
  readonly notes: readonly string[];
  /** Of the book that it was made on. */
  readonly revision: number;
}

/** What identifies a plan: the same steps on the same lines. 64 hexadecimal digits. */
export function digestOf({ steps }: ReleasePlan): string {
  const orders = steps.map((step) => step.ordered);
  return createHash('sha256').update(canonicalText(orders)).digest('hex');
}

/** One place of the releases that a plan changes. */
export interface Difference {
  /** `chat.aliases.stable` */
  readonly path: string;
  readonly from?: JsonValue;
  readonly to?: JsonValue;
}

/** The steps of a plan as differences of single fields, in the order of their paths. */
export function differencesOf({ steps }: ReleasePlan): readonly Difference[] {
  return steps.flatMap(({ shown, ordered }) => differencesOfStep(shown, ordered)).toSorted((a, b) => (a.path < b.path ? -1 : 1));
}

function differencesOfStep({ from, to }: PlanStep, { action, order }: StepOrder): readonly Difference[] {
  const { model } = order;
  switch (action) {
    case 'add-version':
      return [differ(`${model}.versions.${order.version}`, undefined, to)];
    case 'remove-version':
      return [differ(`${model}.versions.${order.version}`, from, undefined)];
    case 'set-policy':
      return [differ(`${model}.policy`, from, to)];
    case 'move-aliases':
      return fieldsOf(`${model}.aliases`, from, to);
    case 'set-traffic':
      return fieldsOf(`${model}.traffic`, from, to);
    case 'start-rollout':
      return [differ(`${model}.rollout`, from, to)];
    case 'start-experiment':
      return [differ(`${model}.experiment`, from, to)];
  }
}

function fieldsOf(path: string, from: JsonValue | undefined, to: JsonValue | undefined): readonly Difference[] {
  const before = entriesOf(from);
  const after = entriesOf(to);
  return [...new Set([...before.keys(), ...after.keys()])].map((key) =>
    differ(`${path}.${key}`, before.get(key), after.get(key)),
  );
}

function entriesOf(value: JsonValue | undefined): ReadonlyMap<string, JsonValue> {
  return new Map(typeof value === 'object' && value !== null && !Array.isArray(value) ? Object.entries(value) : []);
}

function differ(path: string, from: JsonValue | undefined, to: JsonValue | undefined): Difference {
  return { path, ...(from !== undefined && { from }), ...(to !== undefined && { to }) };
}

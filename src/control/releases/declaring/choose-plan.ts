import { PlinthError } from '../../../core/errors/index.ts';
import type { JsonValue } from '../../../core/inference/index.ts';
import type { ExperimentRecord, ReleaseChange } from '../../../core/records/index.ts';
import {
  applyChange,
  chooseAddedVersion,
  chooseMovedAliases,
  chooseRemovedVersion,
  chooseSetPolicy,
  chooseSetTraffic,
} from '../changing/index.ts';
import { lineOf, type ReleaseView } from '../line-contents.ts';
import { chooseAliasMoves, listUnnamedVersions } from './choose-alias-moves.ts';
import { chooseStart } from './choose-start.ts';
import { chooseVersionOrders } from './choose-version-orders.ts';
import type { ModelEntry, ReleaseFile } from './release-file.ts';
import type { PlannedStep, PlanStep, ReleasePlan, StepOrder } from './release-plan.ts';

/** What a plan is made by, besides file and book. */
export interface PlanFacts {
  readonly known: readonly string[];
  readonly servingVersion: (model: string) => string | undefined;
  readonly versionsOfExperiment: (experiment: ExperimentRecord) => readonly string[];
  /** Whose file it is; nobody who may do much when absent. */
  readonly actor?: string;
}

/**
 * The steps from what the book says to what the file says: versions are added, then policies, aliases and traffic set, then (with `prune`) versions
 * removed, then rollouts and experiments started. Each step is thought through on top of those before it, by the same decisions that the commands make, so that what would be refused is refused now. A version that is new to a line with versions is
 * held until the file gives it weight or a rollout. Throws `conflict` (a version that is there with other contents, something in use) or what the commands throw.
 */
export function choosePlan(current: ReleaseView, wanted: ReleaseFile, facts: PlanFacts): ReleasePlan {
  const planning = new Planning(current, facts);
  const entries = Object.entries(wanted.models).toSorted(([a], [b]) => (a < b ? -1 : 1));
  for (const [model, entry] of entries) planning.attempt(() => planning.addVersions(model, entry));
  for (const [model, entry] of entries) planning.attempt(() => planning.setPolicy(model, entry));
  for (const [model, entry] of entries)
    planning.attempt(() => planning.moveAliases(model, entry, wanted.prune ? 'prune' : 'keep'));
  for (const [model, entry] of entries) planning.attempt(() => planning.setTraffic(model, entry));
  if (wanted.prune) for (const [model, entry] of entries) planning.attempt(() => planning.removeVersions(model, entry));
  for (const [model, entry] of entries) planning.attempt(() => planning.start(model, entry));
  return planning.finish();
}

class Planning {
  readonly #facts: PlanFacts;
  readonly #revision: number;
  readonly #steps: PlannedStep[] = [];
  readonly #notes: string[] = [];
  readonly #failures: PlinthError[] = [];
  #view: ReleaseView;

  constructor(view: ReleaseView, facts: PlanFacts) {
    this.#view = view;
    this.#revision = view.revision;
    this.#facts = facts;
  }

  /** One model that cannot be planned does not hide what is wrong with the others. */
  attempt(work: () => void): void {
    try {
      work();
    } catch (error) {
      if (!(error instanceof PlinthError)) throw error;
      this.#failures.push(error);
    }
  }

  addVersions(model: string, entry: ModelEntry): void {
    for (const planned of chooseVersionOrders(this.#view, model, entry)) {
      const order = { ...planned, revision: lineOf(this.#view, model).revision };
      const serving = this.#facts.servingVersion(model);
      const { change, isHeld } = chooseAddedVersion(this.#view, {
        ...order,
        actor: this.#facts.actor ?? '',
        at: 0,
        ...(serving !== undefined && { serving }),
      });
      const detail = change.audit.detail;
      const from = detail['source'] === undefined ? '' : ` from ${String(detail['source'])}`;
      const then = isHeld ? 'held, without requests until weights or a rollout give it some' : 'it answers when it is ready';
      const shown = { to: detail, words: `add version ${order.version} of ${model}${from}; ${then}` };
      this.#push({ action: 'add-version', order }, { shown: { subject: `${model}:${order.version}`, ...shown }, change });
    }
  }

  setPolicy(model: string, { policy }: ModelEntry): void {
    if (policy === undefined) return;
    const order = { model, policy, revision: lineOf(this.#view, model).revision };
    const { change } = chooseSetPolicy(this.#view, { ...order, actor: '' });
    if (change === undefined) return;
    const { from, to } = change.audit.detail;
    const words = `keep ${String(to)} of ${model} loaded (now ${String(from)})`;
    this.#push({ action: 'set-policy', order }, { shown: { subject: model, ...sides(from, to), words }, change });
  }

  moveAliases(model: string, entry: ModelEntry, others: 'keep' | 'prune'): void {
    if (entry.aliases === undefined) return;
    const { notes, ...moves } = chooseAliasMoves(this.#view, { model, entry, others });
    this.#notes.push(...notes);
    const order = { model, ...moves, revision: lineOf(this.#view, model).revision };
    const { change, line } = chooseMovedAliases(this.#view, { ...order, actor: '' });
    if (change === undefined) return;
    const before = lineOf(this.#view, model).aliases;
    const names = [...new Set([...Object.keys(before), ...Object.keys(line.aliases)])];
    const moved = names.filter((alias) => before[alias] !== line.aliases[alias]);
    const pick = (aliases: Readonly<Record<string, string>>) =>
      Object.fromEntries(moved.flatMap((alias) => (Object.hasOwn(aliases, alias) ? [[alias, aliases[alias] ?? '']] : [])));
    const words = moved.map((alias) => describeMove(alias, before, line.aliases)).join(', ');
    const shown = { subject: model, from: pick(before), to: pick(line.aliases), words: `aliases of ${model}: ${words}` };
    this.#push({ action: 'move-aliases', order }, { shown, change });
  }

  setTraffic(model: string, { traffic }: ModelEntry): void {
    if (traffic === undefined) return;
    const order = { model, traffic, revision: lineOf(this.#view, model).revision };
    const { change } = chooseSetTraffic(this.#view, { ...order, actor: '', known: this.#facts.known });
    if (change === undefined) return;
    const { from, to } = change.audit.detail;
    const words = `traffic of ${model}: ${JSON.stringify(to)} (now ${JSON.stringify(from)})`;
    this.#push({ action: 'set-traffic', order }, { shown: { subject: model, ...sides(from, to), words }, change });
  }

  removeVersions(model: string, entry: ModelEntry): void {
    const { versionsOfExperiment } = this.#facts;
    for (const version of listUnnamedVersions(this.#view, model, entry)) {
      const order = { model, version, force: 'drop-idle-weight', revision: lineOf(this.#view, model).revision } as const;
      const { change } = chooseRemovedVersion(this.#view, { ...order, actor: '', at: 0, versionsOfExperiment });
      const words = `remove version ${version} of ${model}: the file does not have it`;
      this.#push(
        { action: 'remove-version', order },
        { shown: { subject: `${model}:${version}`, from: version, words }, change },
      );
    }
  }

  start(model: string, entry: ModelEntry): void {
    const { ordered, shown, note } = chooseStart(this.#view, model, entry);
    if (note !== undefined) this.#notes.push(note);
    if (ordered !== undefined && shown !== undefined) this.#push(ordered, { shown });
  }

  finish(): ReleasePlan {
    const [first, ...rest] = this.#failures;
    if (first === undefined) return { steps: this.#steps, notes: this.#notes, revision: this.#revision };
    if (rest.length === 0) throw first;
    const messages = this.#failures.map((failure) => `  ${failure.message}`);
    throw new PlinthError({ ...first.facts, message: ['The file cannot be applied:', ...messages].join('\n') });
  }

  #push(
    ordered: StepOrder,
    { shown, change }: { readonly shown: Omit<PlanStep, 'action'>; readonly change?: ReleaseChange | undefined },
  ): void {
    this.#steps.push({ ordered, shown: { action: ordered.action, ...shown } });
    if (change !== undefined) this.#view = applyChange(this.#view, change);
  }
}

function sides(from: JsonValue | undefined, to: JsonValue | undefined): { readonly from?: JsonValue; readonly to?: JsonValue } {
  return { ...(from !== undefined && { from }), ...(to !== undefined && { to }) };
}

function describeMove(alias: string, before: Readonly<Record<string, string>>, after: Readonly<Record<string, string>>): string {
  const from = Object.hasOwn(before, alias) ? before[alias] : undefined;
  const to = Object.hasOwn(after, alias) ? after[alias] : undefined;
  if (to === undefined) return `${alias} goes (now ${from})`;
  return `${alias} → ${to}${from === undefined ? '' : ` (now ${from})`}`;
}

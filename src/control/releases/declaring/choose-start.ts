import { PlinthError } from '../../../core/errors/index.ts';
import type { JsonObject } from '../../../core/inference/index.ts';
import { isSame } from '../changing/index.ts';
import {
  endedRollout,
  lineOf,
  runningExperiments,
  runningRollout,
  versionsOf,
  weightedVersions,
  type ReleaseView,
} from '../line-contents.ts';
import type { ModelEntry } from './release-file.ts';
import type { PlanStep, StepOrder } from './release-plan.ts';

interface Start {
  readonly ordered?: StepOrder;
  readonly shown?: Omit<PlanStep, 'action'>;
  /** Why nothing is started although the file speaks of it. */
  readonly note?: string;
}

/**
 * The rollout or the experiment that the file wants of a model, unless it runs or has run already: what was rolled back, aborted or has
 * ended is never begun again by applying the same file. Throws `conflict` while another one runs, `version_not_found`.
 */
export function chooseStart(view: ReleaseView, model: string, entry: ModelEntry): Start {
  if (entry.rollout !== undefined) return chooseRollout(view, model, entry.rollout);
  return entry.experiment === undefined ? {} : chooseExperiment(view, model, asObject(entry.experiment));
}

function chooseRollout(
  view: ReleaseView,
  model: string,
  { to, from, strategy, plan }: NonNullable<ModelEntry['rollout']>,
): Start {
  for (const version of [to, ...(from === undefined ? [] : [from])]) refuseMissing(view, model, version);
  const running = runningRollout(view, model);
  if (running?.candidate === to)
    return { note: `rollout ${running.id} of ${model} to version ${to} is running (${running.state})` };
  refuseOther(view, model, `rollout to version ${to}`);
  const ended = endedRollout(view, model);
  if (ended?.candidate === to)
    return {
      note: `the rollout of ${model} to version ${to} has ended (${ended.id}, ${ended.state}: ${ended.reason}); it is not begun again`,
    };
  const weighted = weightedVersions(lineOf(view, model).traffic);
  if (weighted.length === 1 && weighted[0] === to) return { note: `version ${to} of ${model} has all requests already` };
  const baseline = from ?? weighted[0];
  const order = {
    model,
    to,
    ...(from !== undefined && { from }),
    plan: { ...asObject(plan ?? {}), ...(strategy !== undefined && { strategy }) },
  };
  const start = baseline === undefined ? '' : ` from version ${baseline}`;
  const words = `start a rollout of ${model}${start} to version ${to}`;
  const shown = {
    subject: model,
    ...(baseline !== undefined && { from: { version: baseline } }),
    to: { version: to, plan: order.plan },
    words,
  };
  return { ordered: { action: 'start-rollout', order }, shown };
}

function chooseExperiment(view: ReleaseView, model: string, plan: JsonObject): Start {
  const known = view.experiments.filter((record) => record.model === model && isSame(record.plan, plan));
  const running = known.find((record) => record.state === 'running');
  if (running !== undefined) return { note: `experiment ${running.id} of ${model} is running` };
  const ended = known[0];
  if (ended !== undefined)
    return { note: `the experiment of ${model} has ended (${ended.id}: ${ended.reason}); it is not begun again` };
  refuseOther(view, model, 'experiment');
  const words = `start an experiment with versions of ${model}`;
  return { ordered: { action: 'start-experiment', order: { model, plan } }, shown: { subject: model, to: plan, words } };
}

function refuseOther(view: ReleaseView, model: string, wanted: string): void {
  const rollout = runningRollout(view, model);
  const others = [
    ...(rollout === undefined ? [] : [`rollout ${rollout.id} to version ${rollout.candidate}`]),
    ...runningExperiments(view, model).map(({ id }) => `experiment ${id}`),
  ];
  if (others.length === 0) return;
  throw new PlinthError({
    code: 'conflict',
    message: `models.${model}: the file wants a ${wanted} while ${others.join(' and ')} is running; end that first.`,
    param: `models.${model}`,
  });
}

function refuseMissing(view: ReleaseView, model: string, version: string): void {
  const versions = versionsOf(view, model).map((record) => record.version);
  if (versions.includes(version)) return;
  const has = versions.toReversed().join(', ') || 'none';
  throw new PlinthError({
    code: 'version_not_found',
    message: `models.${model}.rollout: the model has no version ${version}; it has ${has}.`,
    param: `models.${model}.rollout`,
  });
}

/** What the forms of plans give is JSON. */
function asObject(plan: unknown): JsonObject {
  return JSON.parse(JSON.stringify(plan)) as JsonObject;
}

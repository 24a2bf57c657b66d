import { PlinthError } from '../../core/errors/index.ts';
import type { JsonObject } from '../../core/inference/index.ts';
import type { ExperimentRecord, LineRecord, ReleaseChange, ReleaseContents } from '../../core/records/index.ts';
import { defaultTrafficPolicy } from '../../core/traffic/index.ts';
import { controlOf, type ExperimentPlan } from './experiment-plan.ts';

/** What starting decides by. */
export interface StartFacts {
  readonly model: string;
  readonly plan: ExperimentPlan;
  readonly contents: ReleaseContents;
  readonly id: string;
  readonly actor: string;
  /** Unix milliseconds. */
  readonly at: number;
}

/** A change of the book that writes an experiment. */
export type ExperimentChange = ReleaseChange & { readonly experiment: ExperimentRecord };

/**
 * A new experiment as one change. It pins the line's weights to the control, which gets everything when the experiment ends for whatever
 * reason; and because it writes the line, only one of two comparisons that start at the same time succeeds. Throws `model_not_found`,
 * `version_not_found` and `conflict`.
 */
export function chooseStart({ model, plan, contents, id, actor, at }: StartFacts): ExperimentChange {
  const versions = contents.versions.filter((record) => record.model === model).map(({ version }) => version);
  if (versions.length === 0)
    throw new PlinthError({ code: 'model_not_found', message: `There is no model '${model}' with versions.`, param: 'model' });
  const missing = plan.arms.find(({ version }) => !versions.includes(version));
  if (missing !== undefined)
    throw new PlinthError({
      code: 'version_not_found',
      message: `arms: '${model}' has no version ${missing.version}; it has ${versions.join(', ')}.`,
      param: 'arms',
    });
  refuseOthers(model, contents);
  const line = contents.lines.find((record) => record.model === model) ?? newLine(model);
  const experiment: ExperimentRecord = {
    id,
    model,
    state: 'running',
    plan: JSON.parse(JSON.stringify(plan)) as JsonObject,
    evidence: {},
    startedBy: actor,
    startedAt: at,
    reason: 'it is running',
    revision: 1,
  };
  const arms = plan.arms.map(({ name, version, weight }) => ({ name, version, weight }));
  const detail = { model, arms, metric: plan.metric, weightsBefore: line.traffic.weights };
  return {
    experiment,
    line: pinnedTo(controlOf(plan).version, line),
    audit: { actor, action: 'experiment.started', subject: `experiment ${id}`, detail },
  };
}

/** An experiment that ends. */
export function chooseStop(
  record: ExperimentRecord,
  {
    actor,
    reason,
    at,
    evidence,
  }: { readonly actor: string; readonly reason: string; readonly at: number; readonly evidence: JsonObject },
): ExperimentChange {
  return {
    experiment: { ...record, state: 'stopped', evidence, endedAt: at, reason, revision: record.revision + 1 },
    audit: {
      actor,
      action: 'experiment.stopped',
      subject: `experiment ${record.id}`,
      detail: { model: record.model, reason },
    },
  };
}

function pinnedTo(version: string, line: LineRecord): LineRecord {
  return { ...line, traffic: { ...line.traffic, weights: { [version]: 1 } }, revision: line.revision + 1 };
}

function newLine(model: string): LineRecord {
  return { model, policy: { latest: 1 }, aliases: {}, traffic: defaultTrafficPolicy, revision: 0 };
}

function refuseOthers(model: string, { rollouts, experiments }: ReleaseContents): void {
  const rollout = rollouts.find((record) => record.model === model && record.endedAt === undefined);
  if (rollout !== undefined)
    throw refuse(
      `'${model}' is being rolled out: ${rollout.id}, to version ${rollout.candidate}. Two comparisons would blur each other; end it first.`,
    );
  const experiment = experiments.find((record) => record.model === model && record.state === 'running');
  if (experiment !== undefined)
    throw refuse(`An experiment with '${model}' is running already: ${experiment.id}. Stop it first.`);
}

function refuse(message: string): PlinthError {
  return new PlinthError({ code: 'conflict', message, param: 'model' });
}

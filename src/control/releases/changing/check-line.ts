import { PlinthError } from '../../../core/errors/index.ts';
import type { LineRecord, ReleaseContents } from '../../../core/records/index.ts';
import { nearestNames } from '../../../core/collections/index.ts';
import { lineOf, runningExperiments, runningRollout, versionsOf } from '../line-contents.ts';

/** What every change of a line says: of which model, who makes it, and optionally what it was made on top of. */
export interface LineOrder {
  readonly model: string;
  /** Id of the key, or `local`, `configuration`, `folder`. */
  readonly actor: string;
  /** Revision of the line that the caller has seen; the change is refused with `stale_revision` when it has moved on. */
  readonly revision?: number;
}

/** The line as it is. Throws `stale_revision` when it is not the one that the caller has seen. */
export function checkRevision(contents: ReleaseContents, { model, revision }: LineOrder): LineRecord {
  const line = lineOf(contents, model);
  if (revision === undefined || revision === line.revision) return line;
  throw new PlinthError({
    code: 'stale_revision',
    message: `The line of '${model}' is at revision ${line.revision}, and the change was made on top of ${revision}: look at it again.`,
    param: 'revision',
  });
}

/** The line of a model that has versions. Throws `model_not_found` with the nearest names. */
export function checkLine(contents: ReleaseContents, order: LineOrder): LineRecord {
  const line = checkRevision(contents, order);
  if (versionsOf(contents, order.model).length > 0) return line;
  const known = [...new Set(contents.versions.map((record) => record.model))];
  const near = nearestNames(order.model, known);
  const hint = near.length === 0 ? '' : ` The nearest: ${near.join(', ')}.`;
  throw new PlinthError({
    code: 'model_not_found',
    message: `No version of a model '${order.model}' is recorded.${hint}`,
    param: 'model',
  });
}

/** Throws `version_not_found`, with the versions that there are. `where` names what asks for it: `alias stable`. */
export function checkVersion(
  contents: ReleaseContents,
  wanted: { readonly model: string; readonly version: string },
  where: string,
): void {
  const versions = versionsOf(contents, wanted.model).map((record) => record.version);
  if (versions.includes(wanted.version)) return;
  const has = versions.length === 0 ? 'none' : versions.toReversed().join(', ');
  throw new PlinthError({
    code: 'version_not_found',
    message: `${where}: the model '${wanted.model}' has no version ${wanted.version}; it has ${has}.`,
    param: 'version',
  });
}

/** What moves a model's requests by itself now: `rollout r_1 from 3 to 4`, `experiment e_2`. */
export function listMovers(contents: ReleaseContents, model: string): readonly string[] {
  const rollout = runningRollout(contents, model);
  return [
    ...(rollout === undefined ? [] : [`rollout ${rollout.id} from ${rollout.baseline} to ${rollout.candidate}`]),
    ...runningExperiments(contents, model).map(({ id }) => `experiment ${id}`),
  ];
}

/** Throws `conflict` while a rollout or an experiment decides who gets the requests. */
export function refuseWhileMoving(contents: ReleaseContents, model: string): void {
  const movers = listMovers(contents, model);
  if (movers.length === 0) return;
  throw new PlinthError({
    code: 'conflict',
    message: `The weights of '${model}' belong to ${movers.join(' and ')} until it has ended; end it first.`,
  });
}

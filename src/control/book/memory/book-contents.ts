import type {
  ExperimentRecord,
  KeyRecord,
  LineRecord,
  ModelRecord,
  RolloutRecord,
  VersionRecord,
} from '../../../core/records/index.ts';
import type { BookDatabase } from '../schema/index.ts';
import {
  readExperiments,
  readKeys,
  readKeySecret,
  readLines,
  readModels,
  readRevisions,
  readRollouts,
  readVersions,
  type Revisions,
} from '../records/index.ts';

/** All that is read while the database is gone, at one moment. */
export interface BookContents {
  readonly revisions: Revisions;
  readonly keys: readonly KeyRecord[];
  /** What keys are hashed with. */
  readonly keySecret?: string | undefined;
  readonly models: readonly ModelRecord[];
  /** Removed ones included. */
  readonly versions: readonly VersionRecord[];
  readonly lines: readonly LineRecord[];
  readonly rollouts: readonly RolloutRecord[];
  readonly experiments: readonly ExperimentRecord[];
}

/** Reads what has changed since `known`, and takes the rest from there. */
export function readContents(database: BookDatabase, known: BookContents | undefined): Promise<BookContents> {
  return database.readAtOnce(async (reading) => {
    const revisions = await readRevisions(reading);
    const keySecret = await readKeySecret(reading);
    const isSame = (...subjects: readonly (keyof Revisions)[]) =>
      subjects.every((subject) => known?.revisions[subject] === revisions[subject]);
    return {
      revisions,
      keySecret,
      keys: known !== undefined && isSame('keys', 'key-uses') ? known.keys : await readKeys(reading),
      models: known !== undefined && isSame('models') ? known.models : await readModels(reading),
      ...(known !== undefined && isSame('releases', 'evidence')
        ? { versions: known.versions, lines: known.lines, rollouts: known.rollouts, experiments: known.experiments }
        : {
            versions: await readVersions(reading),
            lines: await readLines(reading),
            rollouts: await readRollouts(reading),
            experiments: await readExperiments(reading),
          }),
    };
  });
}

/** Whether one of these counts differs. */
export function isOther(a: Revisions, b: Revisions, subjects: readonly (keyof Revisions)[]): boolean {
  return subjects.some((subject) => a[subject] !== b[subject]);
}

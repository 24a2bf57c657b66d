import { sql, type Kysely } from 'kysely';
import type { ExperimentRecord, LineRecord, RolloutRecord, RolloutState, VersionRecord } from '../../../core/records/index.ts';
import type { Tables } from '../schema/index.ts';
import { rowToExperiment, rowToLine, rowToRollout, rowToVersion } from './release-rows.ts';

/** A rollout in one of these is running. */
export const runningStates: readonly RolloutState[] = ['preparing', 'shadowing', 'canary'];

/** Of one model, or of all; removed ones included, oldest first within a model. */
export async function readVersions(database: Kysely<Tables>, model?: string): Promise<readonly VersionRecord[]> {
  const rows = await database
    .selectFrom('versions')
    .selectAll()
    .$if(model !== undefined, (query) => query.where('model', '=', model ?? ''))
    .orderBy('model')
    .orderBy('added_at')
    .orderBy(sql`length(version)`)
    .orderBy('version')
    .execute();
  return rows.map(rowToVersion);
}

/** All lines, by model. */
export async function readLines(database: Kysely<Tables>): Promise<readonly LineRecord[]> {
  return (await database.selectFrom('lines').selectAll().orderBy('model').execute()).map(rowToLine);
}

/** Running ones and the newest ended one of each model, oldest first. */
export async function readRollouts(database: Kysely<Tables>): Promise<readonly RolloutRecord[]> {
  const newestEnded = database
    .selectFrom(
      database
        .selectFrom('rollouts')
        .select(['id', newestFirst.as('place')])
        .where('state', 'not in', runningStates)
        .as('ended'),
    )
    .select('id')
    .where('place', '=', 1);
  const rows = await database
    .selectFrom('rollouts')
    .selectAll()
    .where(({ or, eb }) => or([eb('state', 'in', runningStates), eb('id', 'in', newestEnded)]))
    .orderBy('started_at')
    .orderBy('id')
    .execute();
  return rows.map(rowToRollout);
}

/** Running ones and the newest stopped one of each model, oldest first. */
export async function readExperiments(database: Kysely<Tables>): Promise<readonly ExperimentRecord[]> {
  const newestStopped = database
    .selectFrom(
      database
        .selectFrom('experiments')
        .select(['id', newestFirst.as('place')])
        .where('state', '!=', 'running')
        .as('stopped'),
    )
    .select('id')
    .where('place', '=', 1);
  const rows = await database
    .selectFrom('experiments')
    .selectAll()
    .where(({ or, eb }) => or([eb('state', '=', 'running'), eb('id', 'in', newestStopped)]))
    .orderBy('started_at')
    .orderBy('id')
    .execute();
  return rows.map(rowToExperiment);
}

const newestFirst = sql<number>`row_number() OVER (PARTITION BY model ORDER BY COALESCE(ended_at, started_at) DESC, started_at DESC, id DESC)`;

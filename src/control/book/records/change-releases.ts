import type { Transaction } from 'kysely';
import { PlinthError } from '../../../core/errors/index.ts';
import type { ExperimentRecord, LineRecord, ReleaseChange, RolloutRecord, VersionRecord } from '../../../core/records/index.ts';
import type { BookDatabase, Tables } from '../schema/index.ts';
import { appendAudit } from './audit-log.ts';
import { requireLease } from './lease-records.ts';
import { runningStates } from './read-releases.ts';
import { experimentToRow, lineToRow, rolloutToRow, versionToRow } from './release-rows.ts';
import { raise } from './revisions.ts';
import { plain } from './row-values.ts';

/** All of a change in one transaction. Changes take turns by the revision of the releases, which is counted on first. */
export function changeReleases(database: BookDatabase, change: ReleaseChange): Promise<number> {
  return database.write(async (transaction) => {
    const revision = await raise(transaction, 'releases');
    if (change.bookRevision !== undefined) requireRevision('the book', { found: revision - 1, given: change.bookRevision + 1 });
    if (change.lease !== undefined) await requireLease(database, transaction, change.lease);
    if (change.addVersion !== undefined) await addVersion(transaction, change.addVersion);
    if (change.removeVersion !== undefined) await removeVersion(transaction, change.removeVersion);
    if (change.line !== undefined) await putLine(transaction, change.line);
    if (change.rollout !== undefined) await putRollout(transaction, change.rollout);
    if (change.experiment !== undefined) await putExperiment(transaction, change.experiment);
    await appendAudit(transaction, database.nowMs, change.audit);
    await database.announce(transaction);
    return revision;
  });
}

async function addVersion(transaction: Transaction<Tables>, record: VersionRecord): Promise<void> {
  const { numInsertedOrUpdatedRows } = await transaction
    .insertInto('versions')
    .values(plain(versionToRow(record)))
    .onConflict((conflict) => conflict.columns(['model', 'version']).doNothing())
    .executeTakeFirstOrThrow();
  if (numInsertedOrUpdatedRows === 1n) return;
  const message = `${record.model} has or had a version ${record.version}: numbers are never given again`;
  throw new PlinthError({ code: 'conflict', message });
}

async function removeVersion(
  transaction: Transaction<Tables>,
  removal: NonNullable<ReleaseChange['removeVersion']>,
): Promise<void> {
  const { model, version, at } = plain(removal);
  const { numUpdatedRows } = await transaction
    .updateTable('versions')
    .set({ removed_at: at })
    .where('model', '=', model)
    .where('version', '=', version)
    .where('removed_at', 'is', null)
    .executeTakeFirstOrThrow();
  if (numUpdatedRows === 1n) return;
  throw new PlinthError({ code: 'version_not_found', message: `${model} has no version ${version}` });
}

async function putLine(transaction: Transaction<Tables>, record: LineRecord): Promise<void> {
  const row = plain(lineToRow(record));
  const found = await transaction.selectFrom('lines').select('revision').where('model', '=', row.model).executeTakeFirst();
  requireRevision(`the line of ${row.model}`, { found: found?.revision, given: row.revision });
  await transaction
    .insertInto('lines')
    .values(row)
    .onConflict((conflict) => conflict.column('model').doUpdateSet(row))
    .execute();
}

async function putRollout(transaction: Transaction<Tables>, record: RolloutRecord): Promise<void> {
  const row = plain(rolloutToRow(record));
  const found = await transaction.selectFrom('rollouts').select('revision').where('id', '=', row.id).executeTakeFirst();
  requireRevision(`the rollout ${row.id}`, { found: found?.revision, given: row.revision });
  if (found === undefined && runningStates.includes(record.state)) await requireNoOther(transaction, row.model);
  await transaction
    .insertInto('rollouts')
    .values(row)
    .onConflict((conflict) => conflict.column('id').doUpdateSet(row))
    .execute();
}

/** Two processes that start a rollout of the same model at the same moment: one is refused. */
async function requireNoOther(transaction: Transaction<Tables>, model: string): Promise<void> {
  const other = await transaction
    .selectFrom('rollouts')
    .select('id')
    .where('model', '=', model)
    .where('state', 'in', runningStates)
    .executeTakeFirst();
  if (other === undefined) return;
  throw new PlinthError({ code: 'conflict', message: `${model} has a running rollout already: ${other.id}` });
}

async function putExperiment(transaction: Transaction<Tables>, record: ExperimentRecord): Promise<void> {
  const row = plain(experimentToRow(record));
  const found = await transaction.selectFrom('experiments').select('revision').where('id', '=', row.id).executeTakeFirst();
  requireRevision(`the experiment ${row.id}`, { found: found?.revision, given: row.revision });
  await transaction
    .insertInto('experiments')
    .values(row)
    .onConflict((conflict) => conflict.column('id').doUpdateSet(row))
    .execute();
}

function requireRevision(
  what: string,
  { found = 0, given }: { readonly found: number | undefined; readonly given: number },
): void {
  if (given === found + 1) return;
  const state = found === 0 ? 'is not in the book' : `is at revision ${found}`;
  const message = `${what} ${state}, the change is to revision ${given}: read it again and repeat the change`;
  throw new PlinthError({ code: 'stale_revision', message });
}

import type { Lease, ReleaseContents, ReleaseRecords } from '../../../core/records/index.ts';
import type { BookDatabase, Tables } from '../schema/index.ts';
import { readAudit } from './audit-log.ts';
import { changeReleases } from './change-releases.ts';
import { requireLease } from './lease-records.ts';
import { readExperiments, readLines, readRollouts, readVersions, runningStates } from './read-releases.ts';
import { rowToExperiment, rowToRollout } from './release-rows.ts';
import { raise, readRevision } from './revisions.ts';
import { bounded, plain, writeDocument } from './row-values.ts';

const MOST_HISTORY = 1_000;

/** The releases of a book, in either database. Everything but watching; `onReleased` hears of every new revision that this process makes. */
export function releaseRecords(
  database: BookDatabase,
  onReleased: (revision: number) => void,
): Omit<ReleaseRecords, 'watchReleases'> {
  return {
    releasesRevision: () => database.read((reading) => readRevision(reading, 'releases')),
    readReleases: () => readContents(database),
    listVersions: (model) => database.read((reading) => readVersions(reading, plain({ model }).model)),
    async change(change) {
      const revision = await changeReleases(database, change);
      onReleased(revision);
      return revision;
    },
    async noteVersionFacts(version, found) {
      const revision = await noteVersionFacts(database, version, writeDocument(found));
      if (revision !== undefined) onReleased(revision);
    },
    noteRolloutEvidence: ({ id, evidence, verdicts }, lease) =>
      database.write(async (transaction) => {
        await requireLease(database, transaction, lease);
        await transaction
          .updateTable('rollouts')
          .set({ evidence: writeDocument(evidence), verdicts: writeDocument(verdicts) })
          .where('id', '=', plain({ id }).id)
          .where('state', 'in', runningStates)
          .execute();
        await raise(transaction, 'evidence');
      }),
    noteExperimentEvidence: (experiment, lease) => noteExperimentEvidence(database, experiment, lease),
    ...histories(database),
  };
}

function histories(database: BookDatabase): Pick<ReleaseRecords, 'listRollouts' | 'listExperiments' | 'readAudit'> {
  return {
    listRollouts: async (model, most) => (await newestOf(database, 'rollouts', { model, most })).map(rowToRollout),
    listExperiments: async (model, most) => (await newestOf(database, 'experiments', { model, most })).map(rowToExperiment),
    readAudit: (range) => database.read((reading) => readAudit(reading, range)),
  };
}

/** The rows of one model, newest first. */
function newestOf<T extends 'rollouts' | 'experiments'>(
  database: BookDatabase,
  table: T,
  { model, most }: { readonly model: string; readonly most: number },
): Promise<ReadonlyArray<Tables[T]>> {
  return database.read((reading) =>
    reading
      .selectFrom<'rollouts' | 'experiments'>(table)
      .selectAll()
      .where('model', '=', plain({ model }).model)
      .orderBy('started_at', 'desc')
      .orderBy('id', 'desc')
      .limit(bounded(most, MOST_HISTORY))
      .execute(),
  );
}

function readContents(database: BookDatabase): Promise<ReleaseContents> {
  return database.readAtOnce(async (reading) => ({
    revision: await readRevision(reading, 'releases'),
    versions: (await readVersions(reading)).filter(({ removedAt }) => removedAt === undefined),
    lines: await readLines(reading),
    rollouts: await readRollouts(reading),
    experiments: await readExperiments(reading),
  }));
}

/** The new revision; undefined when the book knew it already, or does not know the version. */
function noteVersionFacts(
  database: BookDatabase,
  version: { readonly model: string; readonly version: string },
  found: string,
): Promise<number | undefined> {
  const { model, version: number } = plain(version);
  return database.write(async (transaction) => {
    const known = await transaction
      .selectFrom('versions')
      .select('found')
      .where('model', '=', model)
      .where('version', '=', number)
      .executeTakeFirst();
    if (known === undefined || known.found === found) return undefined;
    // Counted before the version is locked, in the order of changes.
    const revision = await raise(transaction, 'releases');
    await transaction.updateTable('versions').set({ found }).where('model', '=', model).where('version', '=', number).execute();
    await database.announce(transaction);
    return revision;
  });
}

async function noteExperimentEvidence(
  database: BookDatabase,
  { id, evidence }: Parameters<ReleaseRecords['noteExperimentEvidence']>[0],
  lease: Lease,
): Promise<void> {
  await database.write(async (transaction) => {
    await requireLease(database, transaction, lease);
    await transaction
      .updateTable('experiments')
      .set({ evidence: writeDocument(evidence) })
      .where('id', '=', plain({ id }).id)
      .where('state', '=', 'running')
      .execute();
    await raise(transaction, 'evidence');
  });
}

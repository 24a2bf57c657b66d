import { setImmediate } from 'node:timers/promises';
import type { Transaction } from 'kysely';
import type { AssignmentRecord, EvidenceRecords } from '../../../core/records/index.ts';
import type { AssignmentRow, BookDatabase, Tables } from '../schema/index.ts';
import { bounded, plain, raise } from '../records/index.ts';
import { DURABILITY, inPieces } from './batches.ts';

type AssignmentRecords = Pick<EvidenceRecords, 'noteAssignments' | 'listAssignments' | 'countAssignments' | 'forgetAssignments'>;

/** Units of one experiment that are kept when nobody says how many; so many tell whether they are dealt out as the weights say. */
const MOST_UNITS = 200_000;
/** Rows removed in one transaction: others wait for no more than that. */
const FORGOTTEN_AT_ONCE = 5_000;

export function assignments(database: BookDatabase): AssignmentRecords {
  return {
    async noteAssignments(records, mostPerExperiment = MOST_UNITS) {
      if (records.length === 0) return;
      await database.write(async (transaction) => {
        const first = (await raise(transaction, 'assignments', records.length)) - records.length + 1;
        const rows = records.map((record, index): AssignmentRow => {
          const { experiment, unit, arm, version, at } = record;
          return plain({ ordinal: first + index, experiment, unit, arm, version, at: Math.trunc(at) });
        });
        for (const experiment of new Set(rows.map((row) => row.experiment)))
          await addRows(transaction, experiment, {
            rows: rows.filter((row) => row.experiment === experiment),
            mostPerExperiment,
          });
      }, DURABILITY);
    },
    listAssignments: (experiment, { after, most }) =>
      database.read(async (reading) => {
        const rows = await reading
          .selectFrom('assignments')
          .selectAll()
          .where('experiment', '=', plain({ experiment }).experiment)
          .where('ordinal', '>', after)
          .orderBy('ordinal')
          .limit(bounded(most))
          .execute();
        return rows.map(({ ordinal, ...record }): AssignmentRecord & { row: number } => ({ ...record, row: ordinal }));
      }),
    countAssignments: (experiment) =>
      database.read(async (reading) => {
        const rows = await reading
          .selectFrom('assignment_counts')
          .select(['arm', 'count'])
          .where('experiment', '=', plain({ experiment }).experiment)
          .orderBy('arm')
          .execute();
        return Object.fromEntries(rows.map(({ arm, count }) => [arm, count]));
      }),
    async forgetAssignments(endedBefore) {
      const forget = (): Promise<bigint> =>
        database.write((transaction) => forgetSome(transaction, Math.trunc(endedBefore)), DURABILITY);
      // SQLite answers within the turn of the event loop that asks.
      while ((await forget()) >= FORGOTTEN_AT_ONCE) await setImmediate();
    },
  };
}

/** The counts are written beside the rows: they stay when the rows are forgotten. */
async function addRows(
  transaction: Transaction<Tables>,
  experiment: string,
  { rows, mostPerExperiment }: { readonly rows: readonly AssignmentRow[]; readonly mostPerExperiment: number },
): Promise<void> {
  const noted = await transaction
    .selectFrom('assignment_counts')
    .select(['arm', 'count'])
    .where('experiment', '=', experiment)
    .execute();
  const counts = new Map(noted.map(({ arm, count }) => [arm, count]));
  const room = mostPerExperiment - noted.reduce((sum, { count }) => sum + count, 0);
  for (const values of inPieces(rows.slice(0, Math.max(0, room)))) {
    const added = await transaction
      .insertInto('assignments')
      .values(values)
      .onConflict((conflict) => conflict.columns(['experiment', 'unit']).doNothing())
      .returning('arm')
      .execute();
    for (const { arm } of added) counts.set(arm, (counts.get(arm) ?? 0) + 1);
  }
  for (const [arm, count] of counts)
    await transaction
      .insertInto('assignment_counts')
      .values({ experiment, arm, count })
      .onConflict((conflict) => conflict.columns(['experiment', 'arm']).doUpdateSet({ count }))
      .execute();
}

async function forgetSome(transaction: Transaction<Tables>, endedBefore: number): Promise<bigint> {
  const ended = transaction.selectFrom('experiments').select('id').where('ended_at', '<', endedBefore);
  const some = transaction.selectFrom('assignments').select('ordinal').where('experiment', 'in', ended).limit(FORGOTTEN_AT_ONCE);
  const { numDeletedRows } = await transaction.deleteFrom('assignments').where('ordinal', 'in', some).executeTakeFirstOrThrow();
  return numDeletedRows;
}

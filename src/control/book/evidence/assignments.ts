import type { AssignmentRecord, EvidenceRecords } from '../../../core/records/index.ts';
import type { AssignmentRow, BookDatabase } from '../schema/index.ts';
import { bounded, plain, raise } from '../records/index.ts';
import { DURABILITY, inPieces } from './batches.ts';

export function assignments(
  database: BookDatabase,
): Pick<EvidenceRecords, 'noteAssignments' | 'listAssignments' | 'countAssignments'> {
  return {
    async noteAssignments(records) {
      if (records.length === 0) return;
      await database.write(async (transaction) => {
        const first = (await raise(transaction, 'assignments', records.length)) - records.length + 1;
        const rows = records.map((record, index): AssignmentRow => {
          const { experiment, unit, arm, version, at } = record;
          return plain({ ordinal: first + index, experiment, unit, arm, version, at: Math.trunc(at) });
        });
        for (const values of inPieces(rows)) {
          await transaction
            .insertInto('assignments')
            .values(values)
            .onConflict((conflict) => conflict.columns(['experiment', 'unit']).doNothing())
            .execute();
        }
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
          .selectFrom('assignments')
          .select(['arm', ({ fn }) => fn.countAll<number>().as('count')])
          .where('experiment', '=', plain({ experiment }).experiment)
          .groupBy('arm')
          .orderBy('arm')
          .execute();
        return Object.fromEntries(rows.map(({ arm, count }) => [arm, count]));
      }),
  };
}

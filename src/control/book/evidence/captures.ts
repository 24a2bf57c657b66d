import type { ExpressionBuilder, Transaction } from 'kysely';
import type { JsonObject } from '../../../core/inference/index.ts';
import type { CaptureRecord, EvidenceRecords } from '../../../core/records/index.ts';
import type { BookDatabase, Tables } from '../schema/index.ts';
import { bounded, plain, readDocument, writeDocument } from '../records/index.ts';
import { DURABILITY, inPieces } from './batches.ts';

export function captures(database: BookDatabase): Pick<EvidenceRecords, 'addCaptures' | 'listCaptures' | 'removeCaptures'> {
  return {
    async addCaptures(records, mostPerModel) {
      if (records.length === 0) return;
      await database.write(async (transaction) => {
        const rows = records.map(({ id, model, at, request }) =>
          plain({ id, model, at: Math.trunc(at), request: writeDocument(request) }),
        );
        for (const values of inPieces(rows)) {
          await transaction
            .insertInto('captures')
            .values(values)
            .onConflict((conflict) => conflict.column('id').doNothing())
            .execute();
        }
        for (const model of new Set(rows.map((row) => row.model)))
          await keepNewest(transaction, model, bounded(mostPerModel, 1_000_000));
      }, DURABILITY);
    },
    listCaptures: (model, most, before) =>
      database.read(async (reading) => {
        const rows = await reading
          .selectFrom('captures')
          .selectAll()
          .where('model', '=', plain({ model }).model)
          .$if(before !== undefined, (query) => query.where(({ eb }) => isAfter(eb, before ?? { at: 0, id: '' })))
          .orderBy('at', 'desc')
          .orderBy('id', 'desc')
          .limit(bounded(most))
          .execute();
        return rows.map((row): CaptureRecord => ({ ...row, request: readDocument<JsonObject>(row.request) }));
      }),
    removeCaptures: (model) =>
      database.write(async (transaction) => {
        const { numDeletedRows } = await transaction
          .deleteFrom('captures')
          .where('model', '=', plain({ model }).model)
          .executeTakeFirstOrThrow();
        return Number(numDeletedRows);
      }),
  };
}

/** In the order of the list. Of the first condition an index makes use. */
function isAfter(eb: ExpressionBuilder<Tables, 'captures'>, before: Pick<CaptureRecord, 'at' | 'id'>) {
  const { at, id } = plain(before);
  return eb.and([eb('at', '<=', at), eb.or([eb('at', '<', at), eb('id', '<', id)])]);
}

async function keepNewest(transaction: Transaction<Tables>, model: string, most: number): Promise<void> {
  const kept = transaction
    .selectFrom('captures')
    .select('id')
    .where('model', '=', model)
    .orderBy('at', 'desc')
    .orderBy('id', 'desc')
    .limit(most);
  await transaction.deleteFrom('captures').where('model', '=', model).where('id', 'not in', kept).execute();
}

import type { EvidenceRecords, FeedbackRecord } from '../../../core/records/index.ts';
import type { BookDatabase, FeedbackRow } from '../schema/index.ts';
import { bounded, plain, raise } from '../records/index.ts';

export function feedback(database: BookDatabase): Pick<EvidenceRecords, 'addFeedback' | 'readFeedback'> {
  return {
    async addFeedback(record) {
      await database.write(async (transaction) => {
        // Numbers are given out in the order of commits, so that a reader who goes on after the last one misses none.
        const ordinal = await raise(transaction, 'feedback');
        await transaction
          .insertInto('feedback')
          .values(plain(feedbackToRow(record, ordinal)))
          .onConflict((conflict) => conflict.columns(['request_id', 'purpose_id', 'metric']).doNothing())
          .execute();
      });
    },
    readFeedback: (purposeId, { after, most }) =>
      database.read(async (reading) => {
        const rows = await reading
          .selectFrom('feedback')
          .selectAll()
          .where('purpose_id', '=', plain({ purposeId }).purposeId)
          .where('ordinal', '>', after)
          .orderBy('ordinal')
          .limit(bounded(most))
          .execute();
        return rows.map(rowToFeedback);
      }),
  };
}

function feedbackToRow(record: FeedbackRecord, ordinal: number): FeedbackRow {
  const { requestId, model, version, arm, purposeId, metric, score, at } = record;
  return { ordinal, request_id: requestId, model, version, arm, purpose_id: purposeId, metric, score, at: Math.trunc(at) };
}

function rowToFeedback(row: FeedbackRow): FeedbackRecord & { readonly row: number } {
  const { ordinal, request_id: requestId, model, version, arm, purpose_id: purposeId, metric, score, at } = row;
  return { requestId, model, version, arm, purposeId, metric, score, at, row: ordinal };
}

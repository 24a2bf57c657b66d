import type { AnswerRecord, EvidenceRecords } from '../../../core/records/index.ts';
import type { AnswerRow, BookDatabase } from '../schema/index.ts';
import { plain } from '../records/index.ts';
import { DURABILITY, inPieces } from './batches.ts';

export function answers(database: BookDatabase): Pick<EvidenceRecords, 'noteAnswers' | 'findAnswer' | 'forgetAnswers'> {
  return {
    async noteAnswers(records) {
      if (records.length === 0) return;
      const rows = records.map((record) => plain(answerToRow(record)));
      await database.write(async (transaction) => {
        for (const values of inPieces(rows)) {
          await transaction
            .insertInto('answers')
            .values(values)
            .onConflict((conflict) => conflict.column('request_id').doNothing())
            .execute();
        }
      }, DURABILITY);
    },
    findAnswer: (requestId) =>
      database.read(async (reading) => {
        if (requestId.includes('\0')) return undefined;
        const row = await reading.selectFrom('answers').selectAll().where('request_id', '=', requestId).executeTakeFirst();
        return row === undefined ? undefined : rowToAnswer(row);
      }),
    async forgetAnswers(beforeAt) {
      await database.write(
        (transaction) => transaction.deleteFrom('answers').where('at', '<', Math.trunc(beforeAt)).execute(),
        DURABILITY,
      );
    },
  };
}

function answerToRow(record: AnswerRecord): AnswerRow {
  const { requestId, model, version, arm, purposeId, unit, keyId = null, at } = record;
  return { request_id: requestId, model, version, arm, purpose_id: purposeId, unit, key_id: keyId, at: Math.trunc(at) };
}

function rowToAnswer(row: AnswerRow): AnswerRecord {
  const { request_id: requestId, model, version, arm, purpose_id: purposeId, unit, key_id: keyId, at } = row;
  return { requestId, model, version, arm, purposeId, unit, ...(keyId !== null && { keyId }), at };
}

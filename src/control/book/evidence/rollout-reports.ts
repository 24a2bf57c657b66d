import type { JsonObject } from '../../../core/inference/index.ts';
import type { EvidenceRecords, RolloutReport } from '../../../core/records/index.ts';
import type { BookDatabase } from '../schema/index.ts';
import { bounded, plain, readDocument, writeDocument } from '../records/index.ts';
import { DURABILITY } from './batches.ts';

type ReportRecords = Pick<EvidenceRecords, 'noteRolloutReport' | 'readRolloutReports' | 'forgetRolloutReports'>;

export function rolloutReports(database: BookDatabase): ReportRecords {
  return {
    async noteRolloutReport({ rollout, holder, sequence, report }) {
      const row = plain({ rollout, holder, sequence, report: writeDocument(report) });
      await database.write(
        (transaction) =>
          transaction
            .insertInto('rollout_reports')
            .values(row)
            .onConflict((conflict) => conflict.columns(['rollout', 'holder', 'sequence']).doNothing())
            .execute(),
        DURABILITY,
      );
    },
    readRolloutReports: (rollout, most) =>
      database.read(async (reading) => {
        const rows = await reading
          .selectFrom('rollout_reports')
          .selectAll()
          .where('rollout', '=', plain({ rollout }).rollout)
          .orderBy('holder')
          .orderBy('sequence')
          .limit(bounded(most))
          .execute();
        return rows.map((row): RolloutReport => ({ ...row, report: readDocument<JsonObject>(row.report) }));
      }),
    async forgetRolloutReports(rollout, upTo) {
      const counted = upTo === undefined ? undefined : Object.entries(upTo);
      await database.write(async (transaction) => {
        const ofRollout = transaction.deleteFrom('rollout_reports').where('rollout', '=', plain({ rollout }).rollout);
        if (counted === undefined) await ofRollout.execute();
        for (const [holder, sequence] of counted ?? [])
          await ofRollout.where('holder', '=', plain({ holder }).holder).where('sequence', '<=', sequence).execute();
      }, DURABILITY);
    },
  };
}

import type { Kysely } from 'kysely';
import { z } from 'zod';
import { taskNames } from '../../../core/models/index.ts';
import type { FileRecord, ModelRecord, ModelRecords } from '../../../core/records/index.ts';
import type { BookDatabase, ModelRow, Tables } from '../schema/index.ts';
import { raise } from './revisions.ts';
import { plain, readDocument, writeDocument } from './row-values.ts';

const engineSchema = z.enum(['llama', 'onnx']);
const taskSchema = z.enum(taskNames);

/** The models of a book, in either database. */
export function modelRecords(database: BookDatabase): ModelRecords {
  return {
    putModel: (record) =>
      database.write(async (transaction) => {
        const row = plain(toRow(record));
        await raise(transaction, 'models');
        await transaction
          .insertInto('models')
          .values(row)
          .onConflict((conflict) => conflict.column('name').doUpdateSet(row))
          .execute();
      }),
    findModel: (name) =>
      database.read(async (reading) => {
        if (name.includes('\0')) return undefined;
        const row = await reading.selectFrom('models').selectAll().where('name', '=', name).executeTakeFirst();
        return row === undefined ? undefined : toRecord(row);
      }),
    listModels: () => database.read(readModels),
    removeModel: (name) =>
      database.write(async (transaction) => {
        await raise(transaction, 'models');
        const { numDeletedRows } = await transaction
          .deleteFrom('models')
          .where('name', '=', plain({ name }).name)
          .executeTakeFirstOrThrow();
        return numDeletedRows > 0n;
      }),
  };
}

/** All models, by name. */
export async function readModels(database: Kysely<Tables>): Promise<readonly ModelRecord[]> {
  const rows = await database.selectFrom('models').selectAll().orderBy('name').execute();
  return rows.map(toRecord);
}

function toRow(record: ModelRecord): ModelRow {
  return {
    name: record.name,
    reference: record.reference,
    sha256: record.sha256,
    bytes: record.bytes,
    source: record.source,
    licence: record.licence ?? null,
    added_at: record.addedAt,
    file_modified_at_ms: record.fileModifiedAtMs,
    engine: record.engine,
    task: record.task,
    files: record.files === undefined ? null : writeDocument(record.files),
  };
}

function toRecord(row: ModelRow): ModelRecord {
  return {
    name: row.name,
    reference: row.reference,
    engine: engineSchema.parse(row.engine),
    task: taskSchema.parse(row.task),
    sha256: row.sha256,
    bytes: row.bytes,
    ...(row.files === null ? {} : { files: readDocument<FileRecord[]>(row.files) }),
    source: row.source,
    addedAt: row.added_at,
    fileModifiedAtMs: row.file_modified_at_ms,
    ...(row.licence === null ? {} : { licence: row.licence }),
  };
}

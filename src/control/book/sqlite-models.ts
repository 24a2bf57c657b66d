import type { DatabaseSync } from 'node:sqlite';
import { z } from 'zod';
import { taskNames } from '../../core/models/index.ts';
import type { ModelRecord, ModelRecords } from '../../core/records/index.ts';
import { numberOf, textOf, type Row } from './columns.ts';

const engineSchema = z.enum(['llama', 'onnx']);
const taskSchema = z.enum(taskNames);
const filesSchema = z.array(
  z.strictObject({ path: z.string(), sha256: z.string(), bytes: z.number(), modifiedAtMs: z.number() }),
);

export function sqliteModels(database: DatabaseSync): ModelRecords {
  const put = database.prepare(
    `INSERT INTO models (name, reference, sha256, bytes, source, licence, added_at, file_modified_at_ms, engine, task, files)
     VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
     ON CONFLICT (name) DO UPDATE SET reference = excluded.reference, sha256 = excluded.sha256, bytes = excluded.bytes,
       source = excluded.source, licence = excluded.licence, added_at = excluded.added_at,
       file_modified_at_ms = excluded.file_modified_at_ms, engine = excluded.engine, task = excluded.task, files = excluded.files`,
  );
  const find = database.prepare('SELECT * FROM models WHERE name = ?');
  const list = database.prepare('SELECT * FROM models ORDER BY name');
  const remove = database.prepare('DELETE FROM models WHERE name = ?');
  return {
    async putModel(record) {
      const { name, reference, sha256, bytes, source, licence = null, addedAt, fileModifiedAtMs, engine, task } = record;
      const files = record.files === undefined ? null : JSON.stringify(record.files);
      put.run(name, reference, sha256, bytes, source, licence, addedAt, fileModifiedAtMs, engine, task, files);
    },
    async findModel(name) {
      const row = find.get(name);
      return row === undefined ? undefined : toRecord(row);
    },
    async listModels() {
      return list.all().map(toRecord);
    },
    async removeModel(name) {
      return remove.run(name).changes > 0;
    },
  };
}

function toRecord(row: Row): ModelRecord {
  const licence = row['licence'];
  const files = row['files'];
  return {
    name: textOf(row, 'name'),
    reference: textOf(row, 'reference'),
    engine: engineSchema.parse(row['engine']),
    task: taskSchema.parse(row['task']),
    sha256: textOf(row, 'sha256'),
    bytes: numberOf(row, 'bytes'),
    ...(typeof files === 'string' ? { files: filesSchema.parse(JSON.parse(files)) } : {}),
    source: textOf(row, 'source'),
    addedAt: numberOf(row, 'added_at'),
    fileModifiedAtMs: numberOf(row, 'file_modified_at_ms'),
    ...(typeof licence === 'string' ? { licence } : {}),
  };
}

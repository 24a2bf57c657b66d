import type { DatabaseSync } from 'node:sqlite';
import type { ModelRecord, ModelRecords } from '../../core/records/index.ts';
import { numberOf, textOf, type Row } from './columns.ts';

export function sqliteModels(database: DatabaseSync): ModelRecords {
  const put = database.prepare(
    `INSERT INTO models (name, reference, sha256, bytes, source, licence, added_at, file_modified_at_ms)
     VALUES (?, ?, ?, ?, ?, ?, ?, ?)
     ON CONFLICT (name) DO UPDATE SET reference = excluded.reference, sha256 = excluded.sha256, bytes = excluded.bytes,
       source = excluded.source, licence = excluded.licence, added_at = excluded.added_at,
       file_modified_at_ms = excluded.file_modified_at_ms`,
  );
  const find = database.prepare('SELECT * FROM models WHERE name = ?');
  const list = database.prepare('SELECT * FROM models ORDER BY name');
  const remove = database.prepare('DELETE FROM models WHERE name = ?');
  return {
    async putModel(record) {
      const { name, reference, sha256, bytes, source, licence, addedAt, fileModifiedAtMs } = record;
      put.run(name, reference, sha256, bytes, source, licence ?? null, addedAt, fileModifiedAtMs);
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
  return {
    name: textOf(row, 'name'),
    reference: textOf(row, 'reference'),
    sha256: textOf(row, 'sha256'),
    bytes: numberOf(row, 'bytes'),
    source: textOf(row, 'source'),
    addedAt: numberOf(row, 'added_at'),
    fileModifiedAtMs: numberOf(row, 'file_modified_at_ms'),
    ...(typeof licence === 'string' ? { licence } : {}),
  };
}

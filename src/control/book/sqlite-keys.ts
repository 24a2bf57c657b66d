import type { DatabaseSync } from 'node:sqlite';
import type { KeyRecord, KeyRecords } from '../../core/records/index.ts';
import { numberOf, textOf, type Row } from './columns.ts';
import { inTransaction } from './open-sqlite.ts';

export function sqliteKeys(database: DatabaseSync): KeyRecords {
  const add = database.prepare('INSERT INTO keys (id, label, role, hash, created_at) VALUES (?, ?, ?, ?, ?)');
  const list = database.prepare('SELECT * FROM keys ORDER BY created_at, id');
  const revoke = database.prepare('UPDATE keys SET revoked_at = ? WHERE id = ? AND revoked_at IS NULL');
  const use = database.prepare('UPDATE keys SET last_used_at = ? WHERE id = ? AND COALESCE(last_used_at, 0) < ?');
  const bump = database.prepare(`UPDATE revisions SET revision = revision + 1 WHERE subject = 'keys'`);
  const revision = database.prepare(`SELECT revision FROM revisions WHERE subject = 'keys'`);
  return {
    async addKey(record) {
      inTransaction(database, () => {
        add.run(record.id, record.label, record.role, record.hash, record.createdAt);
        bump.run();
      });
    },
    async listKeys() {
      return list.all().map(toRecord);
    },
    async revokeKey(id, revokedAt) {
      return inTransaction(database, () => {
        const isRevoked = revoke.run(revokedAt, id).changes > 0;
        if (isRevoked) bump.run();
        return isRevoked;
      });
    },
    async noteKeyUses(uses) {
      inTransaction(database, () => {
        for (const [id, usedAt] of uses) use.run(usedAt, id, usedAt);
      });
    },
    async keysRevision() {
      return Number(revision.get()?.['revision'] ?? 0);
    },
  };
}

function toRecord(row: Row): KeyRecord {
  const { role, revoked_at: revokedAt, last_used_at: lastUsedAt } = row;
  return {
    id: textOf(row, 'id'),
    label: textOf(row, 'label'),
    role: role === 'admin' ? 'admin' : 'inference',
    hash: textOf(row, 'hash'),
    createdAt: numberOf(row, 'created_at'),
    ...(typeof revokedAt === 'number' ? { revokedAt } : {}),
    ...(typeof lastUsedAt === 'number' ? { lastUsedAt } : {}),
  };
}

/**
 * Numbered steps of the schema, forward only: step n brings a book from version n − 1 to n. Never edit a step that was released.
 */
export const migrations: readonly string[] = [
  `CREATE TABLE models (
     name TEXT PRIMARY KEY,
     reference TEXT NOT NULL,
     sha256 TEXT NOT NULL CHECK (length(sha256) = 64),
     bytes INTEGER NOT NULL,
     source TEXT NOT NULL,
     licence TEXT,
     added_at INTEGER NOT NULL,
     file_modified_at_ms REAL NOT NULL
   ) STRICT;
   CREATE TABLE keys (
     id TEXT PRIMARY KEY,
     label TEXT NOT NULL,
     role TEXT NOT NULL CHECK (role IN ('inference', 'admin')),
     hash TEXT NOT NULL,
     created_at INTEGER NOT NULL,
     revoked_at INTEGER,
     last_used_at INTEGER
   ) STRICT;
   CREATE TABLE revisions (
     subject TEXT PRIMARY KEY,
     revision INTEGER NOT NULL
   ) STRICT;
   INSERT INTO revisions (subject, revision) VALUES ('keys', 0);`,
  `ALTER TABLE models ADD COLUMN engine TEXT NOT NULL DEFAULT 'llama';
   ALTER TABLE models ADD COLUMN task TEXT NOT NULL DEFAULT 'generate';
   ALTER TABLE models ADD COLUMN files TEXT;`,
];

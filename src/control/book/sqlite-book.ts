import type { Book } from './book.ts';
import { evidenceRecords } from './evidence/index.ts';
import { keyRecords, leaseRecords, modelRecords, readRevision, releaseRecords } from './records/index.ts';
import { ReleaseWatch } from './release-watch.ts';
import { openSqlite, type SqliteBook } from './sqlite/index.ts';

const LOOK_INTERVAL_MS = 50;

/** The book of one machine. */
export async function openSqliteBook(filePath: string): Promise<Book> {
  const database = await openSqlite(filePath);
  const readReleasesRevision = () => database.read((reading) => readRevision(reading, 'releases'));
  // Before the revision: what is committed between the two is then seen twice instead of never.
  const isTouched = touchedByOthers(database);
  const watch = new ReleaseWatch(readReleasesRevision, await readReleasesRevision());
  const look = () => void (isTouched() && watch.look());
  let timer: NodeJS.Timeout | undefined;
  let closing: Promise<void> | undefined;
  return {
    kind: 'sqlite',
    ...modelRecords(database),
    ...keyRecords(database),
    ...releaseRecords(database, (revision) => watch.note(revision)),
    ...leaseRecords(database),
    ...evidenceRecords(database),
    watchReleases(onChanged) {
      if (closing === undefined) timer ??= setInterval(look, LOOK_INTERVAL_MS).unref();
      const stop = watch.add(onChanged);
      return () => {
        stop();
        if (watch.isWatched) return;
        clearInterval(timer);
        timer = undefined;
      };
    },
    isStale: () => false,
    close() {
      clearInterval(timer);
      closing ??= database.close();
      return closing;
    },
  };
}

/** Whether any other connection has committed since the last question: asks for nothing but a number of the file's. */
function touchedByOthers(database: SqliteBook): () => boolean {
  let seen = database.readDataVersion();
  return () => {
    try {
      const version = database.readDataVersion();
      const isTouched = version !== seen;
      seen = version;
      return isTouched;
    } catch {
      // A file that cannot be read is noticed by whoever reads it for its own sake.
      return false;
    }
  };
}

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { PlinthError } from '../../core/errors/index.ts';
import type { ReleaseContents } from '../../core/records/index.ts';
import { createLogger } from '../../core/telemetry/index.ts';
import { releaseView, versionRecord } from '../../../tests/support/release-contents.ts';
import { ReleaseBoard, type BoardBook } from './release-board.ts';

/** A book that can be taken away. */
function frailBook() {
  const lines: string[] = [];
  const book = {
    contents: releaseView({ revision: 1 }) as ReleaseContents,
    isGone: false,
    tell: (): void => undefined,
    lines,
    logger: createLogger({ level: 'info', destination: { write: (line: string) => void lines.push(line) } }),
    port: {} as BoardBook,
  };
  const read = <T>(value: () => T): Promise<T> =>
    book.isGone
      ? Promise.reject(new PlinthError({ code: 'model_unavailable', message: 'the database is gone' }))
      : Promise.resolve().then(value);
  book.port = {
    readReleases: () => read(() => book.contents),
    releasesRevision: () => read(() => book.contents.revision),
    watchReleases: (onChanged) => {
      book.tell = onChanged;
      return () => (book.tell = () => undefined);
    },
  };
  return book;
}

function open(book: ReturnType<typeof frailBook>, pollMs = 60_000): Promise<ReleaseBoard> {
  return ReleaseBoard.open({ book: book.port, logger: book.logger, pollMs });
}

function nextContents(board: ReleaseBoard): Promise<ReleaseContents> {
  return new Promise((resolve) => {
    const stop = board.subscribe((contents) => {
      stop();
      resolve(contents);
    });
  });
}

test('a change that the book tells of reaches every listener once', async () => {
  const book = frailBook();
  const board = await open(book);
  const seen: number[] = [];
  board.subscribe(({ revision }) => seen.push(revision));
  const next = nextContents(board);
  book.contents = releaseView({ revision: 2, versions: [versionRecord('chat', '1')] });
  book.tell();
  assert.equal((await next).versions.length, 1);
  book.tell();
  await board.refresh();
  assert.deepEqual(seen, [2]);
  board.close();
});

test('a change that nobody tells of is found by looking', async () => {
  const book = frailBook();
  const board = await open(book, 5);
  const next = nextContents(board);
  book.contents = releaseView({ revision: 9 });
  assert.equal((await next).revision, 9);
  board.close();
});

test('a refresh during a read sees what came after that read began', async () => {
  const book = frailBook();
  const board = await open(book);
  const begun = board.refresh();
  book.contents = releaseView({ revision: 5 });
  await Promise.all([begun, board.refresh()]);
  assert.equal(board.current().revision, 5);
  board.close();
});

test('without its book a board keeps what it read, says so once, and catches up', async () => {
  const book = frailBook();
  const board = await open(book);
  book.isGone = true;
  await board.refresh();
  await board.refresh();
  assert.equal(board.current().revision, 1);
  book.contents = releaseView({ revision: 2 });
  book.isGone = false;
  await board.refresh();
  assert.equal(board.current().revision, 2);
  assert.deepEqual(
    book.lines.map((line) => (JSON.parse(line) as { msg: string }).msg),
    ['the book of releases cannot be read; what was read last stays in force', 'the book of releases can be read again'],
  );
  board.close();
});

test('a board opens empty without its book, and fills by looking', async () => {
  const book = frailBook();
  book.isGone = true;
  const board = await open(book, 5);
  assert.deepEqual(board.current(), { revision: 0, versions: [], lines: [], rollouts: [], experiments: [] });
  const next = nextContents(board);
  book.isGone = false;
  assert.equal((await next).revision, 1);
  board.close();
});

test('a listener that throws keeps nobody from the news', async () => {
  const book = frailBook();
  const board = await open(book);
  board.subscribe(() => {
    throw new Error('defect');
  });
  const next = nextContents(board);
  book.contents = releaseView({ revision: 3 });
  await board.refresh();
  assert.equal((await next).revision, 3);
  board.close();
});

test('a closed board tells nothing', async () => {
  const book = frailBook();
  const board = await open(book);
  const seen: number[] = [];
  board.subscribe(({ revision }) => seen.push(revision));
  board.close();
  book.contents = releaseView({ revision: 3 });
  await board.refresh();
  assert.deepEqual([seen, board.current().revision], [[], 1]);
});

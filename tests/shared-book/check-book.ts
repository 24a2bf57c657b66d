import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openBook } from '../../src/control/index.ts';
import { checkRollouts } from '../support/check-rollouts.ts';

/** Throws what is not as it must be in the book: audit without a gap, legal moves, weights. Gives the number of audit entries. */
export async function checkBook(databaseUrl: string, model: string): Promise<number> {
  const home = await mkdtemp(join(tmpdir(), 'plinth-shared-'));
  const book = await openBook({ home, databaseUrl });
  try {
    return await checkRollouts(book, model);
  } finally {
    await book.close();
    await rm(home, { recursive: true, force: true });
  }
}

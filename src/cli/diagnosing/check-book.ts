import type { Config } from '../../core/config/index.ts';
import { errorFactsOf } from '../../core/errors/index.ts';
import type { Finding } from './finding.ts';

/** Whether the book can be had: the file, or the database whose address `readAddress` gives. The address is not told. */
export async function checkBook(
  { home, book }: Pick<Config, 'home' | 'book'>,
  readAddress: () => string | undefined,
): Promise<Finding> {
  const name = 'book';
  const { probeBook } = await import('../../control/index.ts');
  try {
    const { detail, obstacle } = await probeBook(home, readAddress());
    return obstacle === undefined ? { name, level: 'ok', detail } : { name, level: 'fail', detail, advice: obstacle };
  } catch (error) {
    const { code, message, param } = errorFactsOf(error);
    return { name, level: 'fail', detail: message, advice: ADVICE[param ?? code] ?? `check what ${book.urlVariable} holds` };
  }
}

const ADVICE: Readonly<Record<string, string>> = {
  model_unavailable: 'start the database; a gateway that has used it before serves from what it remembers until then',
  'book.urlVariable': 'set it where plinth is started, or take book.urlVariable out',
};

import { openBook, type Book } from '../../src/control/book/index.ts';

/** What control stands on beside its store: a book of its own, and no gateway. `close` closes the book. */
export async function openControlGround(home: string) {
  const book: Book = await openBook({ home });
  const inference = {
    async *infer() {
      yield { type: 'failed', error: { code: 'draining', message: 'There is no gateway here.' } } as const;
    },
  };
  return { parts: { book, inference, receipts: { find: () => undefined } }, close: () => book.close() };
}

export type ControlGround = Awaited<ReturnType<typeof openControlGround>>;

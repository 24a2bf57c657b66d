import { readOrMakeSecret } from '../../../core/files/index.ts';

/** The secret that signs what this home remembers of its book. Losing it makes the memory useless, nothing else. */
export function readSigningKey(home: string): Promise<Buffer> {
  return readOrMakeSecret({ home, fileName: 'book-memory.key', remedy: 'delete it together with state/book-memory.json' });
}

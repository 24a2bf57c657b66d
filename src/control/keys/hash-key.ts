import { readOrMakeSecret } from '../../core/files/index.ts';

/** The secret with which this home's keys are hashed. Losing it makes every stored key useless. */
export function readHashKey(home: string): Promise<Buffer> {
  return readOrMakeSecret({ home, fileName: 'key-hash.key', remedy: 'restore it, or delete it together with every key' });
}

import type { ModelRecord } from '../../src/core/records/index.ts';

/** A model as a book keeps it. */
export const modelRecord: ModelRecord = {
  name: 'smollm2',
  reference: 'smollm2',
  engine: 'llama',
  task: 'generate',
  sha256: 'ab'.repeat(32),
  bytes: 98_362_432,
  source: 'hf:org/repo/file.gguf',
  licence: 'Apache-2.0',
  addedAt: 1_700_000_000_000,
  fileModifiedAtMs: 1_700_000_000_000.25,
};

import { mkdir } from 'node:fs/promises';
import { resolve } from 'node:path';
import { openBook } from '../../src/control/book/index.ts';
import { openModelStore, type ObtainedModel } from '../../src/control/registry/index.ts';
import { createLogger } from '../../src/core/telemetry/index.ts';

/** A PLINTH_HOME that all test files share for its model files, so that each is fetched once. */
export const TEST_HOME = resolve(import.meta.dirname, '../../node_modules/.cache/plinth-test');

/** Path of the default language model's file, fetched through the product's own registry when it is not there. */
export async function obtainTestModel(): Promise<string> {
  return (await obtainModel('smollm2')).filePath;
}

/** A model of the catalog, fetched through the product's own registry when it is not there. */
export async function obtainModel(name: string): Promise<ObtainedModel> {
  await mkdir(TEST_HOME, { recursive: true });
  const book = await openBook({ home: TEST_HOME });
  try {
    const store = openModelStore({ home: TEST_HOME, book, logger: createLogger({ level: 'silent' }) });
    return await store.obtain(name);
  } finally {
    await book.close();
  }
}

import { PlinthError } from '../../core/errors/index.ts';
import { openBlobFolder } from './blob-folder.ts';
import { ObtainModel } from './obtain-model.ts';
import { keptDigests, toStoredModel } from './stored-model.ts';
import type { ModelStore, ModelStoreOptions } from './store-contract.ts';

/** Opens the model files of a home; several processes may do so at once. */
export function openModelStore(options: ModelStoreOptions): ModelStore {
  const blobs = openBlobFolder(options.home);
  const { book } = options;
  return {
    async obtain(reference, obtainOptions = {}) {
      const signal = obtainOptions.signal ?? new AbortController().signal;
      try {
        return await new ObtainModel({ store: options, blobs, signal, watcher: obtainOptions }).run(reference);
      } catch (error) {
        if (signal.aborted)
          throw new PlinthError({ code: 'cancelled', message: 'obtaining the model was cancelled' }, { cause: error });
        throw error;
      }
    },
    list: async () => (await book.listModels()).map((record) => toStoredModel(record, blobs)),
    async find(name) {
      const record = await book.findModel(name);
      return record === undefined ? undefined : toStoredModel(record, blobs);
    },
    async remove(name) {
      const record = await book.findModel(name);
      if (record === undefined || !(await book.removeModel(name))) return false;
      const others = await book.listModels();
      const kept = keptDigests(others);
      if (record.files !== undefined && !others.some((other) => other.sha256 === record.sha256))
        await blobs.removeFolder(record.sha256);
      for (const sha256 of keptDigests([record])) if (!kept.has(sha256)) await blobs.remove(sha256);
      return true;
    },
  };
}

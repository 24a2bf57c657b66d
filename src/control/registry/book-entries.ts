import { createHash } from 'node:crypto';
import { isDeepStrictEqual } from 'node:util';
import { errorFactsOf } from '../../core/errors/index.ts';
import type { ModelRecord, ModelRecords } from '../../core/records/index.ts';
import { catalog } from './catalog/index.ts';

/** What one obtain reads and writes in the book. */
export class BookEntries {
  readonly #book: ModelRecords;
  #records: readonly ModelRecord[] = [];

  constructor(book: ModelRecords) {
    this.#book = book;
  }

  get records(): readonly ModelRecord[] {
    return this.#records;
  }

  async read(): Promise<void> {
    this.#records = await this.#book.listModels();
  }

  recordOf(reference: string): ModelRecord | undefined {
    return this.#records.find((record) => record.reference === reference);
  }

  /** Notes what is new: `name` is taken when the reference has none yet and nothing else has it. */
  async put(found: Omit<ModelRecord, 'addedAt'>): Promise<ModelRecord> {
    const known = this.recordOf(found.reference);
    const record: ModelRecord = {
      ...found,
      name: known?.name ?? this.#freeName(found.name, found.reference),
      addedAt: known?.sha256 === found.sha256 ? known.addedAt : Date.now(),
    };
    if (!isDeepStrictEqual(known, record)) await this.#note(record, known);
    return record;
  }

  /** The same content is served also while the book cannot be written: times of files differ where several machines share a book. */
  async #note(record: ModelRecord, known: ModelRecord | undefined): Promise<void> {
    try {
      await this.#book.putModel(record);
    } catch (error) {
      if (errorFactsOf(error).code !== 'model_unavailable' || known?.sha256 !== record.sha256) throw error;
    }
  }

  /** A name of the catalog belongs to the catalog's model; one that another reference has gets a part of the reference's digest. */
  #freeName(name: string, reference: string): string {
    const isTaken = this.#records.some((record) => record.name === name) || catalog.some((entry) => entry.name === name);
    return isTaken && name !== reference ? `${name}-${digestOf(reference).slice(0, 8)}` : name;
  }
}

/** Of a reference, as a part of names. */
export function digestOf(text: string): string {
  return createHash('sha256').update(text).digest('hex').slice(0, 32);
}

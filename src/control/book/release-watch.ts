/** Tells those who want to know when the revision of the releases is another one, whoever noticed it. */
export class ReleaseWatch {
  readonly #readRevision: () => Promise<number>;
  readonly #listeners = new Set<{ readonly onChanged: () => void }>();
  #seen: number;

  constructor(readRevision: () => Promise<number>, seen: number) {
    this.#readRevision = readRevision;
    this.#seen = seen;
  }

  get isWatched(): boolean {
    return this.#listeners.size > 0;
  }

  add(onChanged: () => void): () => void {
    const listener = { onChanged };
    this.#listeners.add(listener);
    return () => void this.#listeners.delete(listener);
  }

  /** A revision that was read or made. */
  note(revision: number): void {
    if (revision === this.#seen) return;
    this.#seen = revision;
    this.fire();
  }

  /** Reads the revision. A database that cannot be read is noticed by whoever reads it for its own sake. */
  async look(): Promise<void> {
    const revision = await this.#readRevision().catch(() => undefined);
    if (revision !== undefined) this.note(revision);
  }

  fire(): void {
    for (const listener of this.#listeners) {
      queueMicrotask(() => {
        if (this.#listeners.has(listener)) listener.onChanged();
      });
    }
  }
}

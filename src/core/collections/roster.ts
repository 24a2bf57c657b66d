/** Numbers of things that were in one place after each other are so far apart. */
const STRIDE = 2 ** 24;

/**
 * What is under way, each under a number that nothing had before. A Map would do, but not where every request passes through: V8 links the
 * outgrown table of a Map to the one that replaced it, so that one table in the old generation keeps alive whatever came after it until the
 * next full collection.
 */
export class Roster<T> {
  readonly #items: Array<T | undefined> = [];
  readonly #numbers: number[] = [];
  readonly #free: number[] = [];

  get size(): number {
    return this.#items.length - this.#free.length;
  }

  /** The number that `add` gives next. */
  get next(): number {
    const place = this.#free.at(-1);
    return place === undefined ? this.#items.length : (this.#numbers[place] ?? 0) + STRIDE;
  }

  add(item: T): number {
    const number = this.next;
    const place = this.#free.pop() ?? this.#items.length;
    this.#items[place] = item;
    this.#numbers[place] = number;
    return number;
  }

  /** Undefined for what has left, and for any number that was never given. */
  find(number: number): T | undefined {
    const place = number % STRIDE;
    return this.#numbers[place] === number ? this.#items[place] : undefined;
  }

  /** Whether it was there. */
  remove(number: number): boolean {
    if (this.find(number) === undefined) return false;
    const place = number % STRIDE;
    this.#items[place] = undefined;
    this.#free.push(place);
    return true;
  }

  /** Those that are there now, in no order. */
  values(): T[] {
    return this.#items.filter((item) => item !== undefined);
  }

  /** Removes and returns all. */
  empty(): T[] {
    const items = this.values();
    for (const [place, item] of this.#items.entries()) if (item !== undefined) this.remove(this.#numbers[place] ?? 0);
    return items;
  }
}

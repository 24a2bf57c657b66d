/** An item's place in a line; left behind, and skipped, when the item is taken out. */
export interface Ticket<T> {
  readonly entry: T;
  readonly shapeClass: string;
  readonly rows: number;
  isGone: boolean;
}

/** First in, first out, with places that may be given up anywhere. */
class TicketList<T> {
  #tickets: Ticket<T>[] = [];
  #head = 0;
  #live = 0;
  #rows = 0;

  get live(): number {
    return this.#live;
  }

  get rows(): number {
    return this.#rows;
  }

  push(ticket: Ticket<T>): void {
    this.#tickets.push(ticket);
    this.#live++;
    this.#rows += ticket.rows;
  }

  /** One of its tickets was just marked as gone. */
  discount(ticket: Ticket<T>): void {
    this.#live--;
    this.#rows -= ticket.rows;
    if (this.#live === 0) {
      this.#tickets = [];
      this.#head = 0;
    } else if (this.#tickets.length > 2 * this.#live + 64) {
      this.#tickets = this.#tickets.filter(({ isGone }) => !isGone);
      this.#head = 0;
    }
  }

  first(): Ticket<T> | undefined {
    while (this.#tickets[this.#head]?.isGone === true) this.#head++;
    return this.#tickets[this.#head];
  }

  /** Adds the first tickets to `into` until it has `most`. */
  gather(into: Ticket<T>[], most: number): void {
    this.first();
    for (let at = this.#head; at < this.#tickets.length && into.length < most; at++) {
      const ticket = this.#tickets[at] as Ticket<T>;
      if (!ticket.isGone) into.push(ticket);
    }
  }
}

/** A line in order of arrival that can also be read by shape class. Everything takes time by what it returns, not by what waits. */
export class WaitingLine<T> {
  readonly #all = new TicketList<T>();
  readonly #classes = new Map<string, TicketList<T>>();

  get size(): number {
    return this.#all.live;
  }

  push(ticket: Ticket<T>): void {
    let list = this.#classes.get(ticket.shapeClass);
    if (list === undefined) this.#classes.set(ticket.shapeClass, (list = new TicketList()));
    list.push(ticket);
    this.#all.push(ticket);
  }

  remove(ticket: Ticket<T>): void {
    if (ticket.isGone) return;
    ticket.isGone = true;
    this.#all.discount(ticket);
    const list = this.#classes.get(ticket.shapeClass);
    list?.discount(ticket);
    if (list?.live === 0) this.#classes.delete(ticket.shapeClass);
  }

  first(): Ticket<T> | undefined {
    return this.#all.first();
  }

  rowsOf(shapeClass: string): number {
    return this.#classes.get(shapeClass)?.rows ?? 0;
  }

  gather(shapeClass: string, into: Ticket<T>[], most: number): void {
    this.#classes.get(shapeClass)?.gather(into, most);
  }

  /** The head of the line, whatever its shapes. */
  gatherAll(into: Ticket<T>[], most: number): void {
    this.#all.gather(into, most);
  }
}

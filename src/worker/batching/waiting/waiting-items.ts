import { WaitingLine, type Ticket } from './waiting-line.ts';

/** Where an item waits. `late` ones have outwaited their timeout and go behind all others of their level. */
export interface WaitingPlace {
  readonly level: number;
  readonly turn: 'due' | 'late';
}

/** What the lines read of an entry when it comes. */
export interface Queueable {
  readonly item: { readonly shapeClass: string; readonly rows: number };
}

/** All items that wait, by level, in the order of their turn. */
export class WaitingItems<T extends Queueable> {
  readonly #lines: WaitingLine<T>[] = [];
  #size = 0;

  get size(): number {
    return this.#size;
  }

  add(entry: T, place: WaitingPlace): Ticket<T> {
    const { shapeClass, rows } = entry.item;
    const ticket: Ticket<T> = { entry, shapeClass, rows, isGone: false };
    this.#lineAt(place).push(ticket);
    this.#size++;
    return ticket;
  }

  remove(ticket: Ticket<T>, place: WaitingPlace): void {
    if (ticket.isGone) return;
    this.#lineAt(place).remove(ticket);
    this.#size--;
  }

  /** Whose turn it is. */
  first(): Ticket<T> | undefined {
    for (const line of this.#lines) if (line.size > 0) return line.first();
    return undefined;
  }

  rowsOf(shapeClass: string): number {
    let rows = 0;
    for (const line of this.#lines) rows += line.rowsOf(shapeClass);
    return rows;
  }

  /** The first `most` of a shape class, in the order of their turn. */
  gather(shapeClass: string, most: number): readonly Ticket<T>[] {
    const tickets: Ticket<T>[] = [];
    for (const line of this.#lines) line.gather(shapeClass, tickets, most);
    return tickets;
  }

  /** Of the first `most`, those before the first of another class. */
  gatherHead(shapeClass: string, most: number): readonly Ticket<T>[] {
    const tickets: Ticket<T>[] = [];
    for (const line of this.#lines) line.gatherAll(tickets, most);
    const end = tickets.findIndex((ticket) => ticket.shapeClass !== shapeClass);
    return end < 0 ? tickets : tickets.slice(0, end);
  }

  #lineAt({ level, turn }: WaitingPlace): WaitingLine<T> {
    const index = level * 2 + (turn === 'late' ? 1 : 0);
    while (this.#lines.length <= index) this.#lines.push(new WaitingLine());
    return this.#lines[index] as WaitingLine<T>;
  }
}

import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { WaitingItems, type WaitingPlace } from './waiting-items.ts';
import type { Ticket } from './waiting-line.ts';

interface Entry {
  readonly id: number;
  readonly item: { readonly shapeClass: string; readonly rows: number };
}

const due: WaitingPlace = { level: 0, turn: 'due' };
const entry = (id: number, shapeClass = 'a', rows = 1): Entry => ({ id, item: { shapeClass, rows } });
const ids = (tickets: readonly Ticket<Entry>[]): number[] => tickets.map(({ entry: { id } }) => id);

test('urgent levels come first and late items last within their level', () => {
  const waiting = new WaitingItems<Entry>();
  waiting.add(entry(1), { level: 1, turn: 'due' });
  waiting.add(entry(2), { level: 0, turn: 'late' });
  waiting.add(entry(3), due);
  assert.deepEqual(ids(waiting.gather('a', 10)), [3, 2, 1]);
  assert.equal(waiting.first()?.entry.id, 3);
  assert.equal(waiting.rowsOf('a'), 3);
});

test('the head of the line ends before the first of another class', () => {
  const waiting = new WaitingItems<Entry>();
  for (const [id, shapeClass] of [...'aaba'].entries()) waiting.add(entry(id, shapeClass), due);
  assert.deepEqual(ids(waiting.gatherHead('a', 10)), [0, 1]);
  assert.deepEqual(ids(waiting.gather('a', 10)), [0, 1, 3]);
});

test('a line gives everything that was added and not removed, in order', () => {
  const action = fc.record({ shapeClass: fc.constantFrom('a', 'b'), level: fc.nat(2), removes: fc.nat(3) });
  fc.assert(
    fc.property(fc.array(action, { maxLength: 400 }), (actions) => {
      const waiting = new WaitingItems<Entry>();
      const held: { ticket: Ticket<Entry>; place: WaitingPlace }[] = [];
      for (const [id, { shapeClass, level, removes }] of actions.entries()) {
        const place: WaitingPlace = { level, turn: 'due' };
        held.push({ ticket: waiting.add(entry(id, shapeClass, id % 3), place), place });
        if (removes === 0) continue;
        const [gone] = held.splice((id * removes) % held.length, 1);
        if (gone !== undefined) waiting.remove(gone.ticket, gone.place);
      }
      assert.equal(waiting.size, held.length);
      for (const shapeClass of ['a', 'b']) {
        const own = held.filter(({ ticket }) => ticket.shapeClass === shapeClass);
        const ordered = [0, 1, 2].flatMap((level) => own.filter(({ place }) => place.level === level));
        assert.deepEqual(ids(waiting.gather(shapeClass, 1000)), ids(ordered.map(({ ticket }) => ticket)));
        const rows = own.reduce((sum, { ticket }) => sum + ticket.rows, 0);
        assert.equal(waiting.rowsOf(shapeClass), rows);
      }
    }),
  );
});

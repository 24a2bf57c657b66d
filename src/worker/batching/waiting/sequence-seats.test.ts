import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import type { SequenceStep } from '../../../core/inference/index.ts';
import { SequenceSeats, type SeatedSequence } from './sequence-seats.ts';

interface Entry {
  readonly label: string;
  readonly item: { readonly sequence: SequenceStep };
}

const step = (id: string, flags = ''): SequenceStep => ({
  id,
  idType: 'number',
  isStart: flags.includes('s'),
  isEnd: flags.includes('e'),
});
const entry = (id: string, flags = ''): Entry => ({ label: `${id}${flags}`, item: { sequence: step(id, flags) } });

function open(slots: number) {
  const seats = new SequenceSeats<Entry>({ slots, maxIdleMs: 100 });
  const admit = (id: string, flags = '', now = 0) => {
    const own = entry(id, flags);
    return seats.admit(own, own.item.sequence, now);
  };
  return { seats, admit };
}

const sequenceOf = (admitted: { readonly sequence: SeatedSequence<Entry> } | undefined): SeatedSequence<Entry> => {
  assert.ok(admitted);
  return admitted.sequence;
};
const labels = (entries: readonly Entry[]) => entries.map(({ label }) => label);

test('a step that is no start and whose id is unknown belongs to no sequence', () => {
  assert.equal(open(2).admit('1'), undefined);
});

test('steps of one sequence go one after the other', () => {
  const { seats, admit } = open(2);
  const first = admit('1', 's');
  assert.equal(first?.isReady, true);
  assert.equal(admit('1')?.isReady, false);
  assert.deepEqual(labels(seats.complete(sequenceOf(first), 1).ready), ['1']);
});

test('a sequence without a free slot gets the one of the first that ends', () => {
  const { seats, admit } = open(1);
  const first = sequenceOf(admit('1', 'se'));
  const second = admit('2', 's');
  assert.equal(second?.isReady, false);
  assert.equal(sequenceOf(second).slot, -1);
  assert.deepEqual(labels(seats.complete(first, 1).ready), ['2s']);
  assert.equal(sequenceOf(second).slot, 0);
});

test('an id may be used again as soon as its end is in', () => {
  const { seats, admit } = open(1);
  const first = sequenceOf(admit('1', 'se'));
  assert.notEqual(sequenceOf(admit('1', 's')), first);
  assert.deepEqual(labels(seats.complete(first, 1).ready), ['1s']);
});

test('a start under a known id goes on in its slot', () => {
  const { admit } = open(2);
  const first = sequenceOf(admit('1', 's'));
  assert.equal(sequenceOf(admit('1', 's')), first);
});

test('an idle sequence gives its slot to one that waits and is unknown from then on', () => {
  const { seats, admit } = open(1);
  seats.complete(sequenceOf(admit('1', 's')), 10);
  admit('2', 's', 50);
  assert.deepEqual(labels(seats.expire(109)), []);
  assert.deepEqual(labels(seats.expire(110)), ['2s']);
  assert.equal(admit('1', '', 111), undefined);
});

test('a sequence of which a step is missing drops the rest and frees its slot', () => {
  const { seats, admit } = open(1);
  const first = sequenceOf(admit('1', 's'));
  admit('1');
  admit('2', 's');
  const { ready, dropped } = seats.break(first);
  assert.deepEqual([labels(ready), labels(dropped)], [['2s'], ['1s', '1']]);
  assert.equal(admit('1'), undefined);
});

test('whatever the order of arrivals, no slot is held twice and every sequence is done in order', () => {
  const arrivals = fc.array(fc.record({ id: fc.constantFrom('1', '2', '3', '4'), isEnd: fc.boolean() }), { maxLength: 60 });
  fc.assert(
    fc.property(arrivals, fc.integer({ min: 1, max: 3 }), (steps, slots) => {
      const { seats, admit } = open(slots);
      const known = new Set<string>();
      const bySequence = new Map<SeatedSequence<Entry>, string[]>();
      const ready: SeatedSequence<Entry>[] = [];
      const done: number[] = [];
      const finish = () => {
        assert.equal(new Set(ready.map(({ slot }) => slot)).size, ready.length);
        const sequence = ready.shift();
        if (sequence === undefined) return;
        done.push(1);
        for (const next of seats.complete(sequence, 0).ready) {
          ready.push([...bySequence.keys()].find(({ steps: own }) => own[0] === next) as SeatedSequence<Entry>);
        }
      };
      for (const { id, isEnd } of steps) {
        const isStart = !known.has(id);
        const admitted = admit(id, `${isStart ? 's' : ''}${isEnd ? 'e' : ''}`);
        const sequence = sequenceOf(admitted);
        bySequence.set(sequence, [...(bySequence.get(sequence) ?? []), id]);
        if (isEnd) known.delete(id);
        else known.add(id);
        if (admitted?.isReady) ready.push(sequence);
        if (done.length % 2 === 0) finish();
      }
      for (const id of known)
        if (admit(id, 'e')?.isReady)
          ready.push([...bySequence.keys()].findLast(({ key }) => key.endsWith(id)) as SeatedSequence<Entry>);
      while (ready.length > 0) finish();
      assert.equal(done.length, steps.length + known.size);
      assert.equal(seats.waiting, 0);
    }),
  );
});

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Roster } from './roster.ts';

test('a roster finds what is there by its number, and nothing under any other', () => {
  const roster = new Roster<string>();
  const [a, b] = [roster.add('a'), roster.add('b')];
  assert.equal(roster.find(a), 'a');
  assert.equal(roster.find(b), 'b');
  for (const number of [-1, 0.5, 2, 2 ** 24, Number.NaN, Number.POSITIVE_INFINITY]) assert.equal(roster.find(number), undefined);
  assert.equal(roster.remove(a), true);
  assert.equal(roster.remove(a), false);
  assert.deepEqual(roster.values(), ['b']);
  assert.equal(roster.size, 1);
});

test('no number is given twice, whatever comes and goes', () => {
  const roster = new Roster<number>();
  const given = new Set<number>();
  const inside = new Map<number, number>();
  let seed = 7;
  const random = (): number => (seed = (seed * 16_807) % 2_147_483_647) / 2_147_483_647;
  for (let step = 0; step < 5000; step += 1) {
    if (inside.size > 0 && random() < 0.5) {
      const number = [...inside.keys()][Math.floor(random() * inside.size)] ?? -1;
      assert.equal(roster.find(number), inside.get(number));
      assert.equal(roster.remove(number), inside.delete(number));
      assert.equal(roster.find(number), undefined);
    } else {
      const announced = roster.next;
      const number = roster.add(step);
      assert.equal(number, announced);
      assert.ok(!given.has(number), `${number} was given before`);
      given.add(number);
      inside.set(number, step);
    }
    assert.equal(roster.size, inside.size);
  }
  assert.deepEqual(new Set(roster.values()), new Set(inside.values()));
  assert.deepEqual(new Set(roster.empty()), new Set(inside.values()));
  assert.equal(roster.size, 0);
  assert.ok([...inside.keys()].every((number) => roster.find(number) === undefined));
  assert.ok(!given.has(roster.add(1)));
});

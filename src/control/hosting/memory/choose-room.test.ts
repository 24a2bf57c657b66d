import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { chooseRoom, type Neighbour, type RoomFacts } from './index.ts';

const neighbour = (version: string, bytes: number, mayLeave: Neighbour['mayLeave'] = 'yes'): Neighbour => ({
  version,
  bytes,
  mayLeave,
  isLeaving: false,
});

const short: RoomFacts = {
  model: 'chat',
  version: '4',
  needBytes: 1.9e9,
  freeBytes: 0.9e9,
  neighbours: [neighbour('3', 1.7e9, 'no')],
  swap: 'never',
};

test('what is too large says what it needs, what is beside it and what is free', () => {
  const message = 'chat:4 needs about 1.9 GB beside chat:3 (1.7 GB); 0.9 GB are free';
  assert.deepEqual(chooseRoom(short), { type: 'short', message });
});

test('the first of a model is tried however large it seems', () =>
  assert.deepEqual(chooseRoom({ ...short, neighbours: [] }), { type: 'enter' }));

test('where a swap would help it is named', () => {
  const choice = chooseRoom({ ...short, neighbours: [neighbour('3', 1.7e9)] });
  assert.match(choice.type === 'short' ? choice.message : '', /with swap: held the old version would leave first/);
});

test('the largest that may leave makes room', () => {
  const neighbours = [neighbour('1', 0.2e9), neighbour('2', 1.1e9), neighbour('3', 1.7e9, 'no')];
  assert.deepEqual(chooseRoom({ ...short, neighbours, swap: 'held' }), { type: 'swap', leaving: ['2'] });
});

test('a version that is leaving is waited for', () => {
  const neighbours = [{ ...neighbour('3', 1.7e9), isLeaving: true }];
  assert.deepEqual(chooseRoom({ ...short, neighbours, swap: 'held' }), { type: 'wait' });
});

const facts: fc.Arbitrary<RoomFacts> = fc.record({
  model: fc.constant('m'),
  version: fc.constant('99'),
  needBytes: fc.nat(1000),
  freeBytes: fc.integer({ min: -100, max: 1000 }),
  swap: fc.constantFrom('never', 'held'),
  neighbours: fc
    .array(fc.record({ bytes: fc.nat(500), mayLeave: fc.constantFrom('yes', 'no'), isLeaving: fc.constant(false) }), {
      maxLength: 5,
    })
    .map((list) => list.map((one, at) => ({ ...one, version: String(at + 1) }))),
});

test('a swap unloads only what may leave, makes enough room and spares what it can', () => {
  fc.assert(
    fc.property(facts, (given) => {
      const choice = chooseRoom(given);
      const bytesOf = (version: string) => given.neighbours.find((one) => one.version === version)?.bytes ?? NaN;
      if (choice.type === 'enter') return given.neighbours.length === 0 || given.needBytes <= given.freeBytes;
      assert.ok(given.needBytes > given.freeBytes);
      if (choice.type !== 'swap') {
        const most = given.neighbours.filter(({ mayLeave }) => mayLeave === 'yes').reduce((sum, { bytes }) => sum + bytes, 0);
        return given.swap === 'never' || given.freeBytes + most < given.needBytes;
      }
      assert.equal(given.swap, 'held');
      const mayLeave = new Set(given.neighbours.filter((one) => one.mayLeave === 'yes').map(({ version }) => version));
      assert.ok(choice.leaving.every((version) => mayLeave.has(version)));
      const made = choice.leaving.reduce((sum, version) => sum + bytesOf(version), given.freeBytes);
      const last = bytesOf(choice.leaving.at(-1) ?? '');
      return made >= given.needBytes && made - last < given.needBytes;
    }),
  );
});

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { chooseSlot, type SlotView } from './choose-slot.ts';

const free = (held: number[], usedAt = 0): SlotView => ({ isFree: true, held, heldLength: held.length, usedAt });
const busy = (held: number[], heldLength = held.length): SlotView => ({ isFree: false, held, heldLength, usedAt: 0 });

const rows = [
  { title: 'no slot is chosen when all are taken', slots: [busy([1])], prompt: [1, 2], expected: undefined },
  {
    title: 'an empty slot goes before a cached one',
    slots: [free([9, 9], 1), free([])],
    prompt: [1, 2],
    expected: { slot: 1, reused: 0 },
  },
  {
    title: 'the least recently used cache is given up first',
    slots: [free([9], 5), free([8], 2)],
    prompt: [1, 2],
    expected: { slot: 1, reused: 0 },
  },
  {
    title: 'a conversation goes on in its slot',
    slots: [free([]), free([1, 2, 3], 1)],
    prompt: [1, 2, 3, 4],
    expected: { slot: 1, reused: 3 },
  },
  {
    title: 'the last prompt token is computed again',
    slots: [free([1, 2, 3])],
    prompt: [1, 2, 3],
    expected: { slot: 0, reused: 2 },
  },
  {
    title: 'a short common beginning is copied so that the longer conversation stays',
    slots: [free([1, 2, 7, 7, 7, 7], 3), free([])],
    prompt: [1, 2, 3, 4],
    expected: { slot: 1, reused: 2, copiedFrom: 0 },
  },
  {
    title: 'the beginning of a running sequence is copied',
    slots: [busy([1, 2, 3, 4, 5], 3), free([])],
    prompt: [1, 2, 3, 4, 9],
    expected: { slot: 1, reused: 3, copiedFrom: 0 },
  },
  {
    title: 'the only free slot is used even when it holds a longer conversation',
    slots: [free([1, 2, 7, 7, 7, 7])],
    prompt: [1, 2, 3],
    expected: { slot: 0, reused: 2 },
  },
] as const;

for (const { title, slots, prompt, expected } of rows) {
  test(title, () => assert.deepEqual(chooseSlot(slots, prompt), expected));
}

import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import type { InferenceEvent } from '../../core/inference/index.ts';
import { ResponseStore } from './response-store.ts';

function answer(bytes: number): readonly InferenceEvent[] {
  const tensor = { name: 'y', datatype: 'UINT8', shape: [bytes], data: new Uint8Array(bytes) } as const;
  return [{ type: 'tensor', response: 0, tensor }];
}

test('the least recently used answer makes room', () => {
  const store = new ResponseStore(3_000);
  for (const key of ['a', 'b', 'c']) store.keep(key, answer(300));
  assert.ok(store.find('a') !== undefined);
  store.keep('d', answer(300));
  assert.deepEqual(
    ['a', 'b', 'c', 'd'].map((key) => store.find(key) !== undefined),
    [true, false, true, true],
  );
});

test('what is kept is a copy', () => {
  const store = new ResponseStore(10_000);
  const frame = Buffer.alloc(1_000_000);
  store.keep('a', [
    { type: 'tensor', response: 0, tensor: { name: 'y', datatype: 'UINT8', shape: [1], data: frame.subarray(5, 6) } },
  ]);
  const [event] = store.find('a') ?? [];
  assert.ok(event?.type === 'tensor' && event.tensor.data.buffer.byteLength === 1);
});

test('whatever is kept, the limit holds', () => {
  fc.assert(
    fc.property(
      fc.array(fc.tuple(fc.integer({ min: 0, max: 9 }), fc.integer({ min: 0, max: 3_000 })), { maxLength: 60 }),
      (puts) => {
        const store = new ResponseStore(5_000);
        for (const [key, bytes] of puts) {
          store.keep(String(key), answer(bytes));
          assert.ok(store.bytes >= 0 && store.bytes <= 5_000);
        }
      },
    ),
  );
});

import assert from 'node:assert/strict';
import test from 'node:test';
import fc from 'fast-check';
import { countBytesElements, decodeBytesElements, elementCount, encodeBytesElements } from './tensor-bytes.ts';

test('blobs come back as they were put together, and are counted alike', () => {
  fc.assert(
    fc.property(fc.array(fc.uint8Array({ maxLength: 300 })), (elements) => {
      const data = encodeBytesElements(elements);
      assert.deepEqual(
        decodeBytesElements(data, 'x').map((one) => [...one]),
        elements.map((one) => [...one]),
      );
      assert.equal(countBytesElements(data, 'x'), elements.length);
    }),
  );
});

test('reading and counting any bytes agree, and refuse the same ones', () => {
  const outcome = (read: () => number): number | string => {
    try {
      return read();
    } catch (error) {
      return (error as Error).message;
    }
  };
  fc.assert(
    fc.property(fc.array(fc.constantFrom(0, 1, 2, 255), { maxLength: 24 }), (bytes) => {
      const data = Uint8Array.from(bytes);
      assert.equal(
        outcome(() => countBytesElements(data, 'x')),
        outcome(() => decodeBytesElements(data, 'x').length),
      );
    }),
    { numRuns: 500 },
  );
});

test('a product of dimensions beyond counting is refused', () => {
  assert.equal(elementCount([]), 1);
  assert.equal(elementCount([2, 0, 5]), 0);
  assert.throws(() => elementCount([2 ** 30, 2 ** 30]), /more elements than can be counted/);
});

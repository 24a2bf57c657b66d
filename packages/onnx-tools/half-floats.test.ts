import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { brainToNumber, halfToNumber, numberToBrain, numberToHalf } from './index.ts';

describe('half floats', () => {
  it('every half that is a number survives the way to a number and back', () => {
    for (let bits = 0; bits < 0x1_0000; bits++) {
      const value = halfToNumber(bits);
      if (Number.isNaN(value)) assert.ok(Number.isNaN(halfToNumber(numberToHalf(value))));
      else assert.equal(numberToHalf(value), Object.is(value, 0) ? 0 : bits);
    }
  });

  it('a number becomes the nearest half, and between two the even one', () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 0x7bfe }), fc.double({ min: 0, max: 1, noNaN: true }), (bits, share) => {
        const [low, high] = [halfToNumber(bits), halfToNumber(bits + 1)];
        const value = low + (high - low) * share;
        const nearest = value - low === high - value ? bits + (bits % 2) : value - low < high - value ? bits : bits + 1;
        return numberToHalf(value) === nearest && numberToHalf(-value) === (nearest | 0x8000);
      }),
    );
    assert.deepEqual([65_519, 65_520, Infinity].map(numberToHalf), [0x7bff, 0x7c00, 0x7c00]);
  });

  it('every bfloat16 that is a number survives as well, and rounding goes to even', () => {
    for (let bits = 0; bits < 0x1_0000; bits++) {
      const value = brainToNumber(bits);
      if (!Number.isNaN(value)) assert.equal(numberToBrain(value), bits);
    }
    assert.ok(Number.isNaN(brainToNumber(numberToBrain(NaN))));
    assert.deepEqual([1 + 2 ** -8, 1 + 3 * 2 ** -8].map(numberToBrain), [0x3f80, 0x3f82]);
  });
});

import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { Resampler } from './resampler.ts';

function tone(hertz: number, rate: number, seconds = 0.5): Float32Array {
  return Float32Array.from({ length: Math.round(rate * seconds) }, (_, index) => Math.sin((2 * Math.PI * hertz * index) / rate));
}

function resample(samples: Float32Array, from: number, pieces: readonly number[] = []): number[] {
  const resampler = new Resampler(from, 16_000);
  const output: number[] = [];
  let at = 0;
  for (const piece of pieces) {
    output.push(...resampler.push(samples.subarray(at, at + piece)));
    at += piece;
  }
  output.push(...resampler.push(samples.subarray(at)), ...resampler.finish());
  return output;
}

for (const rate of [8000, 11_025, 22_050, 32_000, 44_100, 44_101, 48_000, 96_000]) {
  test(`a tone of 1 kHz stays the same tone from ${rate} samples a second`, () => {
    const output = resample(tone(1000, rate), rate);
    assert.equal(output.length, Math.ceil((Math.round(rate / 2) * 16_000) / rate));
    const expected = tone(1000, 16_000);
    const worst = output
      .slice(100, -100)
      .reduce((most, sample, index) => Math.max(most, Math.abs(sample - (expected[index + 100] ?? 0))), 0);
    assert.ok(worst < 2e-3, `off by ${worst}`);
  });
}

test('what 16 kHz cannot hold is gone and does not come back as another tone', () => {
  for (const hertz of [9000, 12_000, 20_000]) {
    const loudest = Math.max(...resample(tone(hertz, 48_000), 48_000).slice(100, -100).map(Math.abs));
    assert.ok(loudest < 1e-3, `${hertz} Hz: ${loudest}`);
  }
});

test('pieces give what the whole gives', () => {
  const samples = tone(700, 44_100, 0.05);
  const whole = resample(samples, 44_100);
  fc.assert(
    fc.property(fc.array(fc.nat(800), { maxLength: 6 }), (pieces) => {
      assert.deepEqual(resample(samples, 44_100, pieces), whole);
    }),
    { numRuns: 40 },
  );
});

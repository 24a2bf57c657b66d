import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { LogMelMeter, type LogMel } from './log-mel.ts';

/** A second of a rising tone and a faint high one. */
const sound = Float32Array.from({ length: 16_000 }, (_, index) => {
  const time = index / 16_000;
  return 0.5 * Math.sin(2 * Math.PI * (150 * time + 1800 * time * time)) + 0.05 * Math.cos(2 * Math.PI * 6300 * time);
});

function measure(bands: number, pieces: readonly number[] = []): LogMel {
  const meter = new LogMelMeter(bands);
  let at = 0;
  for (const piece of pieces) {
    meter.push(sound.subarray(at, at + piece));
    at += piece;
  }
  meter.push(sound.subarray(at));
  return meter.finish();
}

/** From transformers 5.23, WhisperFeatureExtractor, for the same sound; bands 0, 7, the middle, the sixth from the end, the last. */
const reference: ReadonlyArray<readonly [bands: number, frame: number, values: readonly number[]]> = [
  [80, 0, [1.23686, 0.9728, 0.17186, 0.768, -0.31585]],
  [80, 1, [0.61886, 0.831, -0.33836, 0.76894, -0.56339]],
  [80, 33, [-0.56339, -0.56339, -0.23501, 0.76895, -0.56339]],
  [80, 50, [-0.56339, -0.56339, 0.12766, 0.76895, -0.56339]],
  [80, 99, [-0.17169, -0.17007, -0.10785, 0.76897, -0.26301]],
  [80, 100, [0.3381, 0.33959, 0.40206, 0.70076, 0.25382]],
  [128, 0, [1.1611, 1.31368, 0.16707, -0.30596, -0.31634]],
  [128, 1, [0.5431, 1.39542, -0.34338, -0.51225, -0.51225]],
  [128, 50, [-0.51225, -0.51225, 0.04338, -0.51225, -0.51225]],
  [128, 100, [0.26234, 0.31015, 0.39344, 0.28691, 0.25242]],
];

for (const [bands, frame, expected] of reference) {
  test(`frame ${frame} of ${bands} bands has the values of the reference`, () => {
    const { values, peak } = measure(bands);
    const normalised = [0, 7, bands / 2, bands - 6, bands - 1].map(
      (band) => (Math.max(values[frame * bands + band] ?? Number.NaN, peak - 8) + 4) / 4,
    );
    for (const [index, value] of normalised.entries())
      assert.ok(Math.abs(value - (expected[index] ?? Number.NaN)) < 1e-4, `${normalised.join()} for ${expected.join()}`);
  });
}

test('every frame that touches the sound is there', () => {
  assert.equal(measure(80).frameCount, 102);
});

test('sound that comes in pieces is measured as the whole', () => {
  const whole = measure(80);
  fc.assert(
    fc.property(fc.array(fc.nat(5000), { maxLength: 5 }), (pieces) => {
      assert.deepEqual(measure(80, pieces), whole);
    }),
    { numRuns: 10 },
  );
});

test('a click of a few samples and no sound at all have a spectrogram too', () => {
  const meter = new LogMelMeter(80);
  meter.push(Float32Array.of(1, -1));
  const { frameCount, peak } = meter.finish();
  assert.ok(frameCount >= 1 && Number.isFinite(peak));
  assert.ok(new LogMelMeter(80).finish().frameCount >= 1);
});

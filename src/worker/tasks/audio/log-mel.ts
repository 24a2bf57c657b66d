import { PowerSpectrum } from './fourier.ts';

export const SAMPLE_RATE = 16_000;
const FRAME_LENGTH = 400;
/** Samples from one frame to the next. */
export const HOP_LENGTH = 160;
const FREQUENCIES = FRAME_LENGTH / 2 + 1;
const LEAST_POWER = 1e-10;

/** log10 of the power in each band; frame after frame. */
export interface LogMel {
  readonly bands: number;
  readonly frameCount: number;
  /** `frameCount × bands`. */
  readonly values: Float32Array;
  /** The largest value. */
  readonly peak: number;
}

interface Triangle {
  readonly start: number;
  readonly weights: Float64Array;
}

/**
 * The log-mel spectrogram that Whisper hears, without its last normalisation, which needs the peak of the whole sound. Frames lie around every 160th
 * sample; the sound is mirrored before its start and silent after its end. Takes 16,000 samples a second, piece by piece.
 */
export class LogMelMeter {
  readonly #bands: number;
  readonly #triangles: readonly Triangle[];
  readonly #spectrum = new PowerSpectrum(FRAME_LENGTH);
  readonly #window = Float64Array.from(
    { length: FRAME_LENGTH },
    (_, index) => 0.5 - 0.5 * Math.cos((2 * Math.PI * index) / FRAME_LENGTH),
  );
  readonly #frame = new Float64Array(FRAME_LENGTH);
  readonly #power = new Float64Array(FREQUENCIES);
  readonly #values = new GrowingFloats();
  #peak = Math.log10(LEAST_POWER);
  #held: Float32Array = new Float32Array(0);
  #hasBegun = false;
  #received = 0;

  constructor(bands: number) {
    this.#bands = bands;
    this.#triangles = melTriangles(bands);
  }

  /** Samples taken so far. */
  get received(): number {
    return this.#received;
  }

  push(samples: Float32Array): void {
    this.#received += samples.length;
    this.#held = join(this.#held, samples);
    if (!this.#hasBegun) {
      if (this.#held.length <= FRAME_LENGTH / 2) return;
      this.#begin();
    }
    this.#measure();
  }

  finish(): LogMel {
    this.#held = join(this.#held, new Float32Array(FRAME_LENGTH));
    if (!this.#hasBegun) this.#begin();
    this.#measure();
    const values = this.#values.take();
    return { bands: this.#bands, frameCount: values.length / this.#bands, values, peak: this.#peak };
  }

  #begin(): void {
    const mirrored = this.#held.slice(1, FRAME_LENGTH / 2 + 1).toReversed();
    this.#held = join(mirrored, this.#held);
    this.#hasBegun = true;
  }

  #measure(): void {
    let at = 0;
    for (; at + FRAME_LENGTH <= this.#held.length; at += HOP_LENGTH) this.#measureFrame(at);
    this.#held = this.#held.slice(at);
  }

  #measureFrame(start: number): void {
    if (this.#isNothing(start)) {
      this.#values.grow(this.#bands).fill(Math.log10(LEAST_POWER));
      return;
    }
    for (let index = 0; index < FRAME_LENGTH; index++)
      this.#frame[index] = (this.#held[start + index] ?? 0) * (this.#window[index] ?? 0);
    this.#spectrum.transform(this.#frame, this.#power);
    const out = this.#values.grow(this.#bands);
    for (let band = 0; band < this.#bands; band++) {
      const value = Math.log10(Math.max(LEAST_POWER, this.#bandPower(band)));
      out[band] = value;
      if (value > this.#peak) this.#peak = value;
    }
  }

  /** Stretches of nothing are long, and cost next to nothing. */
  #isNothing(start: number): boolean {
    for (let index = start; index < start + FRAME_LENGTH; index++) if (this.#held[index] !== 0) return false;
    return true;
  }

  #bandPower(band: number): number {
    const triangle = this.#triangles[band];
    if (triangle === undefined) return 0;
    let sum = 0;
    for (let index = 0; index < triangle.weights.length; index++)
      sum += (triangle.weights[index] ?? 0) * (this.#power[triangle.start + index] ?? 0);
    return sum;
  }
}

class GrowingFloats {
  #values = new Float32Array(1 << 16);
  #length = 0;

  /** Room for `count` more, as a view that is good until the next call. */
  grow(count: number): Float32Array {
    if (this.#length + count > this.#values.length) {
      const larger = new Float32Array(2 * this.#values.length);
      larger.set(this.#values);
      this.#values = larger;
    }
    this.#length += count;
    return this.#values.subarray(this.#length - count, this.#length);
  }

  take(): Float32Array {
    return this.#values.slice(0, this.#length);
  }
}

function join(first: Float32Array, second: Float32Array): Float32Array {
  if (first.length === 0) return second;
  const both = new Float32Array(first.length + second.length);
  both.set(first);
  both.set(second, first.length);
  return both;
}

/** Slaney's mel scale: straight up to 1 kHz, logarithmic above. */
const LINEAR_HERTZ = 200 / 3;
const BREAK_HERTZ = 1000;
const BREAK_MEL = BREAK_HERTZ / LINEAR_HERTZ;
const LOG_STEP = Math.log(6.4) / 27;

function toMel(hertz: number): number {
  return hertz < BREAK_HERTZ ? hertz / LINEAR_HERTZ : BREAK_MEL + Math.log(hertz / BREAK_HERTZ) / LOG_STEP;
}

function toHertz(mel: number): number {
  return mel < BREAK_MEL ? mel * LINEAR_HERTZ : BREAK_HERTZ * Math.exp(LOG_STEP * (mel - BREAK_MEL));
}

/** Triangles of equal area, evenly spaced on the mel scale from 0 to half the sample rate. */
function melTriangles(bands: number): readonly Triangle[] {
  const highest = toMel(SAMPLE_RATE / 2);
  const corners = Array.from({ length: bands + 2 }, (_, index) => toHertz((highest * index) / (bands + 1)));
  return Array.from({ length: bands }, (_, band) => {
    const [low = 0, centre = 0, high = 0] = corners.slice(band, band + 3);
    const all = Array.from({ length: FREQUENCIES }, (_unused, frequency) => {
      const hertz = (frequency * SAMPLE_RATE) / FRAME_LENGTH;
      const rising = (hertz - low) / (centre - low);
      const falling = (high - hertz) / (high - centre);
      return (Math.max(0, Math.min(rising, falling)) * 2) / (high - low);
    });
    const start = Math.max(
      0,
      all.findIndex((weight) => weight > 0),
    );
    const end = all.findLastIndex((weight) => weight > 0) + 1;
    return { start, weights: Float64Array.from(all.slice(start, end)) };
  });
}

/** Zero crossings of the sinc on either side, at the lower of the two rates. */
const ZERO_CROSSINGS = 24;
/** Where the low-pass ends, as a part of half the lower rate. */
const ROLL_OFF = 0.94;
const KAISER_BETA = 8;
/** Rates without a large common divisor share the nearest of so many phases. */
const MOST_PHASES = 2048;

/** Turns mono sound of one rate into another, piece by piece, by a windowed sinc. What comes out lies where it lay in time. */
export class Resampler {
  readonly #step: number;
  readonly #halfTaps: number;
  readonly #phases: readonly Float32Array[];
  /** Input that later output still needs; its first sample is number `#first` of all input. */
  #held = new Float32Array(0);
  #first: number;
  #received = 0;
  #given = 0;

  constructor(fromRate: number, toRate: number) {
    this.#step = fromRate / toRate;
    const stretch = Math.max(1, this.#step);
    this.#halfTaps = Math.ceil(ZERO_CROSSINGS * stretch);
    const count = Math.min(MOST_PHASES, toRate / greatestCommonDivisor(fromRate, toRate));
    this.#phases = Array.from({ length: count }, (_, index) => makePhase(index / count, this.#halfTaps, stretch));
    this.#first = -this.#halfTaps;
    this.#held = new Float32Array(this.#halfTaps);
  }

  push(samples: Float32Array): Float32Array {
    this.#take(samples);
    return this.#give(Math.max(0, Math.ceil((this.#received - this.#halfTaps) / this.#step)));
  }

  /** The rest, as if silence followed. */
  finish(): Float32Array {
    const end = Math.ceil(this.#received / this.#step);
    this.#take(new Float32Array(this.#halfTaps + 1));
    return this.#give(end);
  }

  #take(samples: Float32Array): void {
    const held = new Float32Array(this.#held.length + samples.length);
    held.set(this.#held);
    held.set(samples, this.#held.length);
    this.#held = held;
    this.#received += samples.length;
  }

  #give(end: number): Float32Array {
    const output = new Float32Array(Math.max(0, end - this.#given));
    const count = this.#phases.length;
    const taps = 2 * this.#halfTaps;
    for (let index = 0; index < output.length; index++) {
      const place = (this.#given + index) * this.#step;
      const whole = Math.floor(place);
      const nearest = Math.round((place - whole) * count);
      const base = whole + (nearest === count ? 1 : 0) - this.#halfTaps + 1 - this.#first;
      const phase = this.#phases[nearest === count ? 0 : nearest] ?? new Float32Array(taps);
      let sum = 0;
      for (let tap = 0; tap < taps; tap++) sum += (this.#held[base + tap] ?? 0) * (phase[tap] ?? 0);
      output[index] = sum;
    }
    this.#given += output.length;
    this.#forget();
    return output;
  }

  #forget(): void {
    const needed = Math.floor(this.#given * this.#step) - this.#halfTaps;
    const surplus = Math.min(this.#held.length, Math.max(0, needed - this.#first));
    this.#held = this.#held.slice(surplus);
    this.#first += surplus;
  }
}

/** Weights of the input samples around an output sample that lies `fraction` behind one of them; they sum up to 1. */
function makePhase(fraction: number, halfTaps: number, stretch: number): Float32Array {
  const weights = Float64Array.from({ length: 2 * halfTaps }, (_, tap) => {
    const distance = tap - halfTaps + 1 - fraction;
    const place = distance / halfTaps;
    if (Math.abs(place) >= 1) return 0;
    const angle = (Math.PI * ROLL_OFF * distance) / stretch;
    const sinc = angle === 0 ? 1 : Math.sin(angle) / angle;
    return sinc * bessel(KAISER_BETA * Math.sqrt(1 - place * place));
  });
  const sum = weights.reduce((total, weight) => total + weight, 0);
  return Float32Array.from(weights, (weight) => weight / sum);
}

/** Modified Bessel function of the first kind, order 0. */
function bessel(x: number): number {
  let term = 1;
  let sum = 1;
  for (let k = 1; term > sum * 1e-12; k++) {
    term *= (x / (2 * k)) ** 2;
    sum += term;
  }
  return sum;
}

function greatestCommonDivisor(a: number, b: number): number {
  return b === 0 ? a : greatestCommonDivisor(b, a % b);
}

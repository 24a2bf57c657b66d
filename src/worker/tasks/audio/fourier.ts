/**
 * Power spectrum of real frames of one even length whose half has small factors (400 = 2 × 2³ × 5²). A real frame is transformed as a complex one
 * of half its length.
 */
export class PowerSpectrum {
  readonly #half: number;
  readonly #passes: readonly Pass[];
  readonly #cos: Float64Array;
  readonly #sin: Float64Array;
  #re: Float64Array;
  #im: Float64Array;
  #nextRe: Float64Array;
  #nextIm: Float64Array;

  constructor(length: number) {
    this.#half = length / 2;
    this.#passes = makePasses(this.#half);
    this.#cos = Float64Array.from({ length }, (_, index) => Math.cos((-2 * Math.PI * index) / length));
    this.#sin = Float64Array.from({ length }, (_, index) => Math.sin((-2 * Math.PI * index) / length));
    this.#re = new Float64Array(this.#half);
    this.#im = new Float64Array(this.#half);
    this.#nextRe = new Float64Array(this.#half);
    this.#nextIm = new Float64Array(this.#half);
  }

  /** Squared magnitudes of the first `length / 2 + 1` frequencies into `output`. */
  transform(frame: Float64Array, output: Float64Array): void {
    for (let index = 0; index < this.#half; index++) {
      this.#re[index] = at(frame, 2 * index);
      this.#im[index] = at(frame, 2 * index + 1);
    }
    for (const pass of this.#passes) this.#run(pass);
    this.#unpack(output);
  }

  /** One pass of Stockham's algorithm: sub-transforms of length `done` become ones of length `done × radix`. */
  #run({ radix, done, blocks, cos, sin }: Pass): void {
    const [re, im, nextRe, nextIm] = [this.#re, this.#im, this.#nextRe, this.#nextIm];
    for (let block = 0; block < blocks; block++) {
      for (let place = 0; place < done * radix; place++) {
        let source = block * done + (place % done);
        let sumRe = 0;
        let sumIm = 0;
        for (let leg = 0; leg < radix; leg++, source += blocks * done) {
          const c = at(cos, place * radix + leg);
          const s = at(sin, place * radix + leg);
          sumRe += at(re, source) * c - at(im, source) * s;
          sumIm += at(re, source) * s + at(im, source) * c;
        }
        nextRe[block * done * radix + place] = sumRe;
        nextIm[block * done * radix + place] = sumIm;
      }
    }
    [this.#re, this.#nextRe, this.#im, this.#nextIm] = [nextRe, re, nextIm, im];
  }

  #unpack(output: Float64Array): void {
    for (let k = 0; k <= this.#half; k++) {
      const low = k % this.#half;
      const high = (this.#half - k) % this.#half;
      const evenRe = (at(this.#re, low) + at(this.#re, high)) / 2;
      const evenIm = (at(this.#im, low) - at(this.#im, high)) / 2;
      const oddRe = (at(this.#im, low) + at(this.#im, high)) / 2;
      const oddIm = (at(this.#re, high) - at(this.#re, low)) / 2;
      const cos = k === this.#half ? -1 : at(this.#cos, k);
      const sin = k === this.#half ? 0 : at(this.#sin, k);
      const re = evenRe + oddRe * cos - oddIm * sin;
      const im = evenIm + oddRe * sin + oddIm * cos;
      output[k] = re * re + im * im;
    }
  }
}

interface Pass {
  readonly radix: number;
  readonly done: number;
  readonly blocks: number;
  /** Twiddle factors by output place and leg. */
  readonly cos: Float64Array;
  readonly sin: Float64Array;
}

function makePasses(length: number): readonly Pass[] {
  let done = 1;
  return factorsOf(length).map((radix) => {
    const size = done * radix;
    const angles = Array.from(
      { length: size * radix },
      (_, index) => (-2 * Math.PI * ((Math.floor(index / radix) * (index % radix)) % size)) / size,
    );
    const pass = {
      radix,
      done,
      blocks: length / size,
      cos: Float64Array.from(angles, Math.cos),
      sin: Float64Array.from(angles, Math.sin),
    };
    done = size;
    return pass;
  });
}

function at(values: Float64Array, index: number): number {
  return values[index] ?? 0;
}

function factorsOf(length: number): readonly number[] {
  const factors: number[] = [];
  let rest = length;
  for (let factor = 2; rest > 1; factor++) {
    for (; rest % factor === 0; rest /= factor) factors.push(factor);
  }
  return factors;
}

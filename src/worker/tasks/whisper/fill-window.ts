import type { Sound } from '../audio/index.ts';

/** Frames that Whisper hears at once: 30 seconds. */
export const WINDOW_FRAMES = 3000;
const SILENCE = -10;
/** Powers of ten below the peak that are told apart. */
const DYNAMIC_RANGE = 8;

/** The normalised spectrogram from frame `start` on, bands × frames; silence after the end of the sound. */
export function fillWindow({ values, bands, frameCount, peak }: Sound, start: number): Float32Array {
  const floor = peak - DYNAMIC_RANGE;
  const normalise = (value: number): number => (Math.max(value, floor) + 4) / 4;
  const window = new Float32Array(bands * WINDOW_FRAMES).fill(normalise(SILENCE));
  const count = Math.min(WINDOW_FRAMES, frameCount - start);
  for (let frame = 0; frame < count; frame++) {
    for (let band = 0; band < bands; band++)
      window[band * WINDOW_FRAMES + frame] = normalise(values[(start + frame) * bands + band] ?? SILENCE);
  }
  return window;
}

/** Fainter than the last bit of 16. */
const INAUDIBLE = -8;

/** Whether there is nothing to hear in the window from frame `start` on. */
export function isInaudible({ values, bands }: Sound, start: number): boolean {
  return values.subarray(start * bands, (start + WINDOW_FRAMES) * bands).every((value) => value < INAUDIBLE);
}

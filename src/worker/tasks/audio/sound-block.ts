import { PlinthError } from '../../../core/errors/index.ts';

/** A piece of decoded sound: one array of samples, −1…1, per channel; all of one length. */
export interface SoundBlock {
  readonly channels: readonly Float32Array[];
  /** Samples a second. */
  readonly sampleRate: number;
}

const MOST_CHANNELS = 16;
const LEAST_RATE = 2_000;
const MOST_RATE = 768_000;

/** What is wrong with the sound, in words for the caller. */
export function unreadableAudio(problem: string): PlinthError {
  return new PlinthError({ code: 'invalid_request', message: `The audio cannot be read: ${problem}.`, param: 'file' });
}

/** Throws `invalid_request` for a number of channels or a rate that no recording has. */
export function checkSoundShape(channelCount: number, sampleRate: number): void {
  if (channelCount < 1 || channelCount > MOST_CHANNELS)
    throw unreadableAudio(`it has ${channelCount} channels, and 1 to ${MOST_CHANNELS} are possible`);
  if (!(sampleRate >= LEAST_RATE && sampleRate <= MOST_RATE))
    throw unreadableAudio(`it has ${sampleRate} samples a second, and ${LEAST_RATE} to ${MOST_RATE} are possible`);
}

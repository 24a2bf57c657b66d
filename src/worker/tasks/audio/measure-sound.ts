import { readCompressed } from './compressed-audio.ts';
import { LogMelMeter, SAMPLE_RATE, type LogMel } from './log-mel.ts';
import { recogniseFormat } from './recognise-format.ts';
import { Resampler } from './resampler.ts';
import { checkSoundShape, unreadableAudio, type SoundBlock } from './sound-block.ts';
import { readWav } from './wav-file.ts';

/** What a file is measured for. */
export interface SoundRequest {
  readonly audio: Uint8Array;
  /** Bands of the spectrogram. */
  readonly bands: number;
  readonly mostSeconds: number;
}

/** A spectrogram and how long its sound is. */
export interface Sound extends LogMel {
  readonly seconds: number;
}

/** Decodes a file, mixes it down to one channel of 16 kHz and measures it. Holds only the spectrogram. Throws `invalid_request`. */
export async function measureSound({ audio, bands, mostSeconds }: SoundRequest): Promise<Sound> {
  const meter = new LogMelMeter(bands);
  let rate = 0;
  let resampler: Resampler | undefined;
  for await (const block of decodeAudio(audio)) {
    if (block.sampleRate !== rate) {
      if (resampler !== undefined) meter.push(resampler.finish());
      checkSoundShape(block.channels.length, block.sampleRate);
      rate = block.sampleRate;
      resampler = rate === SAMPLE_RATE ? undefined : new Resampler(rate, SAMPLE_RATE);
    }
    const mono = mixDown(block);
    meter.push(resampler?.push(mono) ?? mono);
    if (meter.received > mostSeconds * SAMPLE_RATE) throw unreadableAudio(`it is longer than ${mostSeconds} seconds`);
  }
  if (resampler !== undefined) meter.push(resampler.finish());
  if (meter.received === 0) throw unreadableAudio('there is no sound in the file');
  return { ...meter.finish(), seconds: meter.received / SAMPLE_RATE };
}

async function* decodeAudio(bytes: Uint8Array): AsyncGenerator<SoundBlock> {
  const format = recogniseFormat(bytes);
  if (format === 'wav') yield* readWav(bytes);
  else yield* readCompressed(bytes, format);
}

function mixDown({ channels }: SoundBlock): Float32Array {
  const [first = new Float32Array(0)] = channels;
  if (channels.length === 1) return first;
  const mono = new Float32Array(first.length);
  for (const channel of channels) {
    for (let index = 0; index < mono.length; index++) mono[index] = (mono[index] ?? 0) + (channel[index] ?? 0) / channels.length;
  }
  return mono;
}

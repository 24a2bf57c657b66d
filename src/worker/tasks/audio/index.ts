export { Listener } from './listener.ts';
export { HOP_LENGTH, SAMPLE_RATE } from './log-mel.ts';
export type { Sound } from './measure-sound.ts';

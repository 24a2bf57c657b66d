export { encodeFrame, FrameReader, type Frame } from './frame.ts';

export { encodeFrame, FrameReader, MAX_FRAME_BYTES, type Frame } from './frame.ts';

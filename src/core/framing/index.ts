export { encodeFrame, FrameReader, MAX_FRAME_BYTES, type Frame } from './frame.ts';
export { attachEvent, attachRequest, BodyWriter, detachEvent, detachRequest } from './body-ranges.ts';

export { encodeFrame, FrameReader, type Frame } from './frame.ts';
export { attachEvent, attachRequest, BodyWriter, detachEvent, detachRequest } from './body-ranges.ts';

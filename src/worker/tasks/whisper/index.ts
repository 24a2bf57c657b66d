export { chooseAmong } from './choose-token.ts';
export { cutSegments, type TokenSegment } from './cut-segments.ts';
export { fillWindow, isInaudible, WINDOW_FRAMES } from './fill-window.ts';
export { findGraphs, invalidFile, readSettings, type GraphFiles, type WhisperSettings } from './whisper-files.ts';
export { WhisperGraphs, type CrossAttention } from './whisper-graphs.ts';
export { WhisperVocabulary } from './whisper-vocabulary.ts';
export { compressionOf, isSilent, WindowDecoder, type WindowResult } from './window-decoder.ts';

export { cutRegion, isTurned, sizeOfRegion } from './cut-region.ts';
export { findRegions, placeRegions } from './find-regions.ts';
export {
  chooseLineWidth,
  coveredWidth,
  detectionPlanes,
  fitForDetection,
  LINE_HEIGHT,
  linePlanes,
  TURN_WIDTH,
} from './line-planes.ts';
export { readAlphabet, readCharacters } from './read-characters.ts';
export { readDictionary } from './read-dictionary.ts';
export { ReadText } from './read-text.ts';

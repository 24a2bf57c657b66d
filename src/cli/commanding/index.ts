export { addServeFlags, askControl, listServes, openControl, pathWith } from './ask-control.ts';
export { collect, readNumber, readPairs, readSettings } from './read-pairs.ts';
export { readMappingFile } from './read-mapping-file.ts';

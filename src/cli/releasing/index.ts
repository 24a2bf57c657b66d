export { askControl, openControl, pathWith } from './ask-control.ts';
export { registerDeclarations } from './declare.ts';
export { readMappingFile } from './read-release-text.ts';
export { registerReceipts } from './receipts.ts';
export { registerTraffic } from './traffic.ts';
export { readVersionedName, registerVersions, removeVersion } from './versions.ts';

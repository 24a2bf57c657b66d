export { registerDeclarations } from './declare.ts';
export { registerTraffic } from './traffic.ts';
export { readVersionedName, registerVersions, removeVersion, showVersion, type VersionedName } from './versions.ts';

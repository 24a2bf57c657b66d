export { describeConfig, type DescribedModel } from './describe-config.ts';
export { findModels, type FoundModel } from './find-models.ts';
export { takeFingerprint, type Fingerprint } from './fingerprint.ts';
export { readDefinition, type DefinedVersion, type DefinitionPlace, type ModelDefinition } from './read-definition.ts';
export { writeOverride, type OverrideFolder } from './write-override.ts';

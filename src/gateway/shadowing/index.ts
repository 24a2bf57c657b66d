export type { ShadowOutcome } from './shadow-run.ts';
export { createShadow, type Shadow, type ShadowOptions } from './shadow.ts';

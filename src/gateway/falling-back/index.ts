export { createFallBack, type FallbackOptions } from './fall-back.ts';

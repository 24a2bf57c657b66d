export { openLlamaEngine } from './open-llama-engine.ts';

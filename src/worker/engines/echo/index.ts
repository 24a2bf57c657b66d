export { EchoEngine } from './echo-engine.ts';

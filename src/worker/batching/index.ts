export { BatchRunner } from './batch-runner.ts';

export { registerExperiment } from './experiment.ts';

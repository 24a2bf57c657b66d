export { convertWeights, type Conversion } from './convert-weights.ts';

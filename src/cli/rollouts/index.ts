export { registerRollout } from './rollout.ts';

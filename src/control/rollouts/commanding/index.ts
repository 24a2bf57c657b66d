export { readReason, readStartRequest } from './read-rollout-request.ts';
export { RolloutCommands, type CommandGround, type CommandOrder } from './rollout-commands.ts';
export type { StartWish } from './choose-rollout-start.ts';

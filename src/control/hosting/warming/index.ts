export { warmReplica, type WarmUpOptions, type WarmUpReport } from './warm-replica.ts';

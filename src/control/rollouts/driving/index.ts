export { EvidenceInbox, withoutContent } from './evidence-inbox.ts';
export { RolloutDriver } from './rollout-driver.ts';

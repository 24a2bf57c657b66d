export {
  aliasSchema,
  defaultTrafficPolicy,
  ruleSchema,
  shadowSchema,
  stickySchema,
  trafficPolicySchema,
  versionPolicySchema,
  versionSchema,
  weightsSchema,
  type Sticky,
  type TrafficPolicy,
  type TrafficRule,
  type VersionPolicy,
} from './traffic-policy.ts';
export type { ModelTraffic, RouteChoice, ShadowOrder, TrafficArm, TrafficPurpose } from './model-traffic.ts';
export { conversationOf, promptCharactersOf } from './request-traits.ts';

export { Admission } from './admit.ts';
export { isLoopbackName } from './check-host.ts';
export { callOf, findCall, generateRequestId, guardRequests, type GuardOptions } from './guard.ts';
export { versionHeaders } from './http-call.ts';
export { requestIdOf } from './request-id.ts';
export { openRpc, type KnownCaller, type RpcHead, type RpcRules } from './rpc-admission.ts';

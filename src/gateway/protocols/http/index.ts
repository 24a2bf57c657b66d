export { foldEvents, streamEvents, type StreamPlan } from './answer-events.ts';
export { httpErrorFacts } from './http-error-facts.ts';
export { readJsonOnly } from './json-body.ts';
export { compileWireSchema } from './wire-schema.ts';

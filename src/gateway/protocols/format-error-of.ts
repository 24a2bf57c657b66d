import type { ErrorFacts } from '../../core/errors/index.ts';
import { formatOpenInferenceError, isOpenInferencePath } from './open-inference/index.ts';
import { formatOpenAiError } from './openai/index.ts';

/** A failure as the protocol of a path tells it: status, headers and JSON text. OpenAI's where no other protocol is at home. */
export function formatErrorOf(path: string, facts: ErrorFacts): ReturnType<typeof formatOpenAiError> {
  return isOpenInferencePath(path) ? formatOpenInferenceError(facts) : formatOpenAiError(facts);
}

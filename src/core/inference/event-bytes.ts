import type { InferenceEvent } from './event.ts';

const EVENT_BYTES = 64;
const LOGPROB_BYTES = 128;

/** About what an event takes in memory. The classes, the speech and the texts found in pictures that one may hold are not counted. */
export function approximateBytes(event: InferenceEvent): number {
  switch (event.type) {
    case 'text-delta':
      return EVENT_BYTES + event.text.length + logprobBytes(event);
    case 'tool-call-delta':
      return EVENT_BYTES + event.argumentsText.length;
    case 'embedding':
      return EVENT_BYTES + event.values.byteLength;
    case 'tensor':
      return EVENT_BYTES + event.tensor.data.byteLength;
    default:
      return EVENT_BYTES;
  }
}

function logprobBytes({ logprobs }: Extract<InferenceEvent, { type: 'text-delta' }>): number {
  if (logprobs === undefined) return 0;
  return logprobs.reduce((sum, token) => sum + LOGPROB_BYTES * (1 + token.top.length), 0);
}

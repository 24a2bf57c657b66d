import type { InferenceEvent } from '../../core/inference/index.ts';

/** Where one request's events go. Events are sent together at the end of a turn of the runner's loop. */
export interface EventSink {
  emit(event: InferenceEvent): void;
}

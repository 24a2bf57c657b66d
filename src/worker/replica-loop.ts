import type { InferenceRequest } from '../core/inference/index.ts';
import type { ReplicaProgress } from '../core/messages/index.ts';
import type { ModelFacts } from '../core/models/index.ts';
import type { IntakeReceiver } from './intake/index.ts';

/** The loop of a replica as its process drives it, whatever the engine: schedule → execute → emit. */
export interface ReplicaLoop<R = unknown> extends IntakeReceiver<R> {
  readonly facts: ModelFacts;
  readonly isIdle: boolean;
  /** How long the next step should be put off while a message is arriving that may join it; 0 when it is full. Absent: never. */
  readonly gatherMs?: number;
  /** One step at most. True when there is more to do at once. */
  turn(): boolean;
  /** Resolves when something arrived, when waiting work is due, or after `ms`. */
  arrival(ms: number): Promise<void>;
  /** Ends a pending `arrival`. */
  wakeUp(): void;
  progress(): ReplicaProgress;
  /** A small request that shows that the engine answers. */
  probeRequest(): InferenceRequest;
  close(): void;
}

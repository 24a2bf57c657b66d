import type { InferenceRequest } from '../../core/inference/index.ts';
import type { RoutedModel } from '../../core/messages/index.ts';
import { conversationOf, promptCharactersOf } from '../../core/traffic/index.ts';
import type { Call, Chosen, InferenceDoor, Wanted } from './inference-door.ts';

/** Which version gives an answer, and its arm where several share the requests. */
export interface Answerer {
  readonly model: string;
  readonly version: string;
  readonly arm?: string | undefined;
}

/** The version that was chosen, or the one that answers in its place. To be asked once the answer has begun. */
export function answererOf({ record }: Call, { choice }: Chosen): Answerer {
  if (record?.model === undefined || record.version === undefined) return choice;
  return { model: record.model, version: record.version, arm: record.arm };
}

/** As {@link answererOf}, with everything that the snapshot knows of it. */
export function answeringModel(door: InferenceDoor, call: Call, chosen: Chosen): RoutedModel {
  const { model: name, version } = answererOf(call, chosen);
  const isChosen = (one: RoutedModel): boolean => one.name === name && one.version === version;
  return isChosen(chosen.model) ? chosen.model : (door.models(call).find(isChosen) ?? chosen.model);
}

/** What traffic may go by, read from a request only when it is wanted. `named` is what the caller itself calls the conversation. */
export function traitsOf(
  request: () => InferenceRequest,
  named?: string | null,
): Required<Pick<Wanted, 'conversation' | 'promptCharacters'>> {
  return {
    conversation: () => named ?? conversationOf(request()),
    promptCharacters: () => promptCharactersOf(request()),
  };
}

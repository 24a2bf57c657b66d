import type { GenerateRequest, InferenceRequest, Prompt } from '../inference/index.ts';

/** More of a conversation's beginning tells no more of them apart. */
const LONGEST_BEGINNING = 4096;

/**
 * What tells one conversation from another and stays the same from its first turn to its last: system text and first question of a
 * chat, the id of a sequence of tensors. Empty where there is no such thing.
 */
export function conversationOf(request: InferenceRequest): string {
  if (request.kind === 'generate') return beginningOf(request);
  if (request.kind !== 'tensors' || request.sequence === undefined) return '';
  return `${request.sequence.idType}:${request.sequence.id}`;
}

/** Characters of everything that the model reads; of tokens, how many. 0 for tensors, pictures and sound. */
export function promptCharactersOf(request: InferenceRequest): number {
  switch (request.kind) {
    case 'generate':
      return sum(request.prompts.map(lengthOf));
    case 'embed':
      return sum(request.inputs.map(lengthOf));
    case 'score':
      return sum([...new Set(request.pairs.flatMap(({ first, second }) => [first, second]))].map(({ length }) => length));
    case 'classify':
      return sum(request.inputs.map(({ text, pair = '' }) => text.length + pair.length));
    default:
      return 0;
  }
}

function beginningOf({ prompts: [prompt] }: GenerateRequest): string {
  if (prompt?.type !== 'chat') return '';
  const firstQuestion = prompt.messages.findIndex(({ role }) => role === 'user');
  const beginning = prompt.messages.slice(0, firstQuestion + 1).filter(({ role }) => role === 'system' || role === 'user');
  return beginning.map(({ role, content }) => `${role}\n${content.slice(0, LONGEST_BEGINNING)}`).join('\n');
}

function lengthOf(prompt: Prompt): number {
  if (prompt.type === 'tokens') return prompt.tokens.length;
  if (prompt.type === 'chat') return sum(prompt.messages.map(({ content }) => content.length));
  return prompt.text.length + (prompt.suffix?.length ?? 0);
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, one) => total + one, 0);
}

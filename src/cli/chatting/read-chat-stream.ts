import { PlinthError } from '../../core/errors/index.ts';

export interface ChatUsage {
  readonly prompt_tokens: number;
  readonly completion_tokens: number;
  readonly total_tokens: number;
}

export type ChatPiece =
  | { readonly type: 'text'; readonly text: string }
  | { readonly type: 'finish'; readonly reason: string }
  | { readonly type: 'usage'; readonly usage: ChatUsage };

const MAX_LINE_CHARACTERS = 1024 * 1024;

/** Reads the events of a streamed chat completion. Throws the error event's PlinthError, or `replica_lost` when the stream breaks off. */
export async function* readChatStream(chunks: AsyncIterable<unknown>): AsyncGenerator<ChatPiece> {
  for await (const line of splitLines(chunks)) {
    if (!line.startsWith('data:')) continue;
    const data = line.slice('data:'.length).trim();
    if (data === '[DONE]') return;
    yield* readPieces(JSON.parse(data));
  }
  throw new PlinthError({ code: 'replica_lost', message: 'The answer broke off.' });
}

async function* splitLines(chunks: AsyncIterable<unknown>): AsyncGenerator<string> {
  const decoder = new TextDecoder();
  let rest = '';
  for await (const chunk of chunks) {
    if (!(chunk instanceof Uint8Array)) continue;
    const lines = (rest + decoder.decode(chunk, { stream: true })).split('\n');
    rest = lines.pop() ?? '';
    if (rest.length > MAX_LINE_CHARACTERS)
      throw new PlinthError({ code: 'internal_error', message: 'The answer holds an endless line.' });
    yield* lines.map((line) => line.replace(/\r$/, ''));
  }
}

function* readPieces(event: unknown): Generator<ChatPiece> {
  if (!isRecord(event)) return;
  const { error, choices, usage } = event;
  if (isRecord(error))
    throw new PlinthError({ code: 'engine_failed', message: String(error['message'] ?? 'The answer failed.') });
  const choice: unknown = Array.isArray(choices) ? choices[0] : undefined;
  if (isRecord(choice)) {
    const delta = choice['delta'];
    if (isRecord(delta) && typeof delta['content'] === 'string') yield { type: 'text', text: delta['content'] };
    if (typeof choice['finish_reason'] === 'string') yield { type: 'finish', reason: choice['finish_reason'] };
  }
  if (isRecord(usage)) yield { type: 'usage', usage: readUsage(usage) };
}

function readUsage(usage: Record<string, unknown>): ChatUsage {
  const count = (name: string) => (typeof usage[name] === 'number' ? usage[name] : 0);
  return {
    prompt_tokens: count('prompt_tokens'),
    completion_tokens: count('completion_tokens'),
    total_tokens: count('total_tokens'),
  };
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

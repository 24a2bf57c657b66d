import { z } from 'zod';

const streamedEvent = z.object({
  choices: z
    .array(
      z.object({
        text: z.string().optional(),
        delta: z.object({ content: z.string().nullish() }).optional(),
      }),
    )
    .default([]),
  usage: z.object({ prompt_tokens: z.number(), completion_tokens: z.number() }).nullish(),
});

/**
 * Cuts a response body into server-sent events and notes when those with text arrived. Without `keepsText` an event is only looked
 * through for a non-empty content field, which costs a fraction of parsing it.
 */
export class EventStreamReader {
  readonly arrivalsMs: number[] = [];
  text = '';
  promptTokens = 0;
  completionTokens = 0;
  readonly #keepsText: boolean;
  #rest = '';

  constructor(options: { readonly keepsText: boolean }) {
    this.#keepsText = options.keepsText;
  }

  push(data: Buffer): void {
    const nowMs = performance.now();
    // Latin-1 keeps bytes apart, so that a character cut by a packet is whole again once the event is.
    const pieces = (this.#rest + data.toString('latin1')).split('\n\n');
    this.#rest = pieces.pop() ?? '';
    for (const piece of pieces) if (this.#hasText(piece)) this.arrivalsMs.push(nowMs);
  }

  #hasText(piece: string): boolean {
    if (!piece.startsWith('data: ') || piece.startsWith('data: [DONE]')) return false;
    if (!this.#keepsText) return /"(?:content|text)":\s?"[^"]/.test(piece);
    const event = streamedEvent.parse(JSON.parse(Buffer.from(piece.slice(6), 'latin1').toString('utf8')));
    const text = event.choices.map((choice) => choice.text ?? choice.delta?.content ?? '').join('');
    this.text += text;
    if (event.usage) {
      this.promptTokens = event.usage.prompt_tokens;
      this.completionTokens = event.usage.completion_tokens;
    }
    return text !== '';
  }
}

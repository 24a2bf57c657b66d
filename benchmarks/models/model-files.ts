import { existsSync } from 'node:fs';
import path from 'node:path';
import { PEERS_FOLDER, seededRandom } from '../harness/index.ts';

export type BenchmarkModel = 'smollm2' | 'random-1b';

export function findModelFile(model: BenchmarkModel): string {
  const file = path.join(PEERS_FOLDER, 'models', `${model}.gguf`);
  if (!existsSync(file)) throw new Error(`${file} is missing: run benchmarks/models/set-up-models.sh first`);
  return file;
}

/** Ids between the bytes and the rare words of the common vocabulary. */
const FIRST_TOKEN = 1_000;
const LAST_TOKEN = 40_000;

/** A prompt that nothing else begins with. Both sides get token ids, so that neither's tokenizer can make it longer or shorter. */
export function drawPrompt(tokens: number, seed: number): number[] {
  const random = seededRandom(seed);
  return Array.from({ length: tokens }, () => FIRST_TOKEN + Math.floor(random() * (LAST_TOKEN - FIRST_TOKEN)));
}

export interface CompletionOptions {
  readonly model: string;
  readonly prompt: readonly number[];
  readonly maxTokens: number;
}

/** A greedy streamed completion that neither ends early nor reuses what the server kept of earlier prompts. */
export function formatCompletion(options: CompletionOptions): string {
  return JSON.stringify({
    model: options.model,
    prompt: options.prompt,
    max_tokens: options.maxTokens,
    temperature: 0,
    ignore_eos: true,
    cache_prompt: false,
    stream: true,
    stream_options: { include_usage: true },
  });
}

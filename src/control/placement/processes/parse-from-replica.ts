import { z } from 'zod';
import { errorTable, type ErrorCode } from '../../../core/errors/index.ts';
import type { FromReplica } from '../../../core/messages/index.ts';
import { factsSchema } from './facts-schema.ts';

const count = z.number().min(0);
const text = z.string().max(4_096);

const errorSchema = z.object({
  code: z.string().refine((code): code is ErrorCode => Object.hasOwn(errorTable, code)),
  message: text,
  param: text.exactOptional(),
  retryAfterMs: count.exactOptional(),
});

const progressSchema = z.object({
  steps: count,
  stepMs: count,
  runningSequences: count,
  waitingRequests: count,
  runnableSequences: count,
  generatedTokens: count,
  promptTokens: count,
  cachedTokens: count,
  threads: count,
  usedContextTokens: count,
});

const messageSchema = z.discriminatedUnion('type', [
  z.object({ type: z.literal('loaded'), facts: factsSchema }),
  z.object({ type: z.literal('load-failed'), error: errorSchema }),
  z.object({ type: z.literal('pong'), sequence: z.int(), progress: progressSchema }),
  z.object({ type: z.literal('probed'), sequence: z.int(), isAnswered: z.boolean() }),
]);

/** Reads one line of a replica's standard output. It has native code and a stranger's file in it, so nothing is taken on trust. */
export function parseFromReplica(line: string): FromReplica | undefined {
  try {
    return messageSchema.safeParse(JSON.parse(line)).data;
  } catch {
    return undefined;
  }
}

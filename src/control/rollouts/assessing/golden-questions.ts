import { isDeepStrictEqual } from 'node:util';
import { runInNewContext } from 'node:vm';
import type { ErrorCode } from '../../../core/errors/index.ts';
import { greedySampling, type Prompt } from '../../../core/inference/index.ts';
import type { InferencePort } from '../../../core/messages/index.ts';
import type { GoldenQuestion } from '../rollout-plan.ts';
import type { GoldenResult } from '../verdict.ts';
import { gatherEvents, insideRequest, type AskedModel } from './ask-inside.ts';
import { readAnswer } from './read-answer.ts';

/** Golden questions, and the two versions of a model that answer them. */
export interface GoldenRun {
  readonly model: string;
  /** Digits; the current version. */
  readonly baseline: string;
  readonly candidate: string;
  readonly questions: readonly GoldenQuestion[];
  readonly signal?: AbortSignal;
}

/** Not the version's fault: the question says nothing this time. */
const EXCUSED: readonly ErrorCode[] = [
  'queue_full',
  'queue_timeout',
  'too_many_requests',
  'draining',
  'cancelled',
  'model_not_ready',
  'model_unavailable',
];

/**
 * Asks both versions every question, greedily, and checks what is expected of the answers. A version that fails to answer has not met the
 * expectation; a question that one of them could not be asked is left out, and so are those behind an abort.
 */
export async function* askGoldenQuestions(inference: InferencePort, run: GoldenRun): AsyncGenerator<GoldenResult, void> {
  for (const [question, golden] of run.questions.entries()) {
    if (run.signal?.aborted === true) break;
    const ask = (version: string) => isAnswered(inference, { of: { model: run.model, version }, golden, signal: run.signal });
    const [current, candidate] = await Promise.all([ask(run.baseline), ask(run.candidate)]);
    if (current !== undefined && candidate !== undefined) yield { question, candidate, current };
  }
}

interface GoldenAsk {
  readonly of: AskedModel;
  readonly golden: GoldenQuestion;
  readonly signal: AbortSignal | undefined;
}

/** Undefined when it could not be asked. A model that knows no conversations gets the bare text. */
async function isAnswered(inference: InferencePort, ask: GoldenAsk): Promise<boolean | undefined> {
  const { question } = ask.golden;
  const chat = await answerOf(inference, ask, { type: 'chat', messages: [{ role: 'user', content: question }] });
  const outcome = chat === 'unsupported_capability' ? await answerOf(inference, ask, { type: 'text', text: question }) : chat;
  if (typeof outcome === 'object') return meetsExpectation(outcome.text, ask.golden.expect);
  return EXCUSED.includes(outcome) ? undefined : false;
}

async function answerOf(
  inference: InferencePort,
  { of, golden, signal }: GoldenAsk,
  prompt: Prompt,
): Promise<{ readonly text: string } | ErrorCode> {
  const fields = { maxTokens: golden.maxTokens, sampling: { ...greedySampling, seed: 1 } };
  const request = insideRequest(of, prompt, fields);
  const events = await gatherEvents(inference, request, signal);
  const last = events.at(-1);
  if (last?.type === 'failed') return last.error.code;
  return { text: readAnswer(request, events)?.choices[0]?.text ?? '' };
}

/** An expression that takes longer than this on an answer does not match it. */
const PATTERN_MS = 25;
const MOST_CHARACTERS = 20_000;

/**
 * Whether an answer has every property that is expected of it. `contains` and `excludes` do not mind case, `equals` does not mind
 * white space around it, `matches` is searched for (and gives up after 25 ms), `json` must be a part of the JSON that the answer is
 * or holds in a code fence.
 */
export function meetsExpectation(text: string, expect: GoldenQuestion['expect']): boolean {
  const lower = text.toLowerCase();
  const { contains = [], excludes = [], matches, equals, json } = expect;
  return (
    contains.every((part) => lower.includes(part.toLowerCase())) &&
    excludes.every((part) => !lower.includes(part.toLowerCase())) &&
    (equals === undefined || text.trim() === equals.trim()) &&
    (matches === undefined || isMatch(matches, text)) &&
    (json === undefined || holdsJson(text, json))
  );
}

/** Searches with a time limit: an expression can take for ever on a text that nobody has foreseen. */
function isMatch(pattern: string, text: string): boolean {
  const room = { pattern, text: text.slice(0, MOST_CHARACTERS) };
  try {
    return runInNewContext('new RegExp(pattern).test(text)', room, { timeout: PATTERN_MS }) === true;
  } catch {
    return false;
  }
}

function holdsJson(text: string, expected: NonNullable<GoldenQuestion['expect']['json']>): boolean {
  return isPartOf(expected, parseJson(text) ?? parseJson(fencedPart(text)));
}

/** What stands in the first code fence. */
function fencedPart(text: string): string {
  const start = text.indexOf('```');
  const end = text.indexOf('```', start + 3);
  return start === -1 || end === -1 ? '' : text.slice(start + 3, end).replace(/^[a-z]*\n/, '');
}

/** Every field of `part` is in `whole` with a value that it is part of; lists have the same length and hold so item by item. */
function isPartOf(part: unknown, whole: unknown): boolean {
  if (Array.isArray(part) && Array.isArray(whole))
    return part.length === whole.length && part.every((item, at) => isPartOf(item, whole[at]));
  if (!isRecord(part) || !isRecord(whole)) return isDeepStrictEqual(part, whole);
  return Object.entries(part).every(([key, value]) => Object.hasOwn(whole, key) && isPartOf(value, whole[key]));
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    return undefined;
  }
}

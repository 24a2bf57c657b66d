import { isDeepStrictEqual } from 'node:util';
import type { InferenceRequest } from '../../../core/inference/index.ts';
import type { AnswerScores } from '../verdict.ts';
import {
  averageLikeness,
  classesLikeness,
  objectsLikeness,
  scoresLikeness,
  tensorsLikeness,
  vectorLikeness,
  type NumberLikeness,
} from './number-likeness.ts';
import type { Answer, WrittenCall, WrittenChoice } from './read-answer.ts';
import { normaliseText, trigramLikeness, wordAccuracy } from './text-likeness.ts';

/** How alike two texts are, 0…1. */
export type TextLikeness = (one: string, other: string) => number;

/**
 * How well `answer` agrees with `current`, by the measure of what was asked for: the wording (or, by `likeness`, the meaning) of
 * texts, the functions and arguments of tool calls, the direction of vectors, the order of scores, the winner and overlap of
 * classes, the boxes of objects, the words of sound, the numbers of tensors.
 */
export function compareAnswers(
  pair: { readonly request: InferenceRequest; readonly current: Answer; readonly answer: Answer },
  likeness: TextLikeness = trigramLikeness,
): AnswerScores {
  const { request, current, answer } = pair;
  switch (request.kind) {
    case 'generate':
      return each(current.choices, answer.choices, (a, b) => choiceLikeness(a, b, likeness));
    case 'embed':
      return each(current.vectors, answer.vectors, vectorLikeness);
    case 'score':
      return scoresLikeness(current.scores, answer.scores);
    case 'classify':
      return each(current.classifications, answer.classifications, classesLikeness);
    case 'transcribe':
      return textLikeness(current.foundText, answer.foundText, wordAccuracy);
    case 'recognize':
      return averageLikeness(
        [
          each(current.classifications, answer.classifications, classesLikeness),
          objectsLikeness(current.objects, answer.objects),
          textLikeness(current.foundText, answer.foundText, trigramLikeness),
        ].filter((_, at) => isRecognized(at, current, answer)),
      );
    case 'tensors':
      return tensorsLikeness(current.tensors, answer.tensors);
  }
}

/** Whether two lists of calls ask for the same: the same functions in the same order, with deeply equal arguments. */
function areSameCalls(a: readonly WrittenCall[], b: readonly WrittenCall[]): boolean {
  return a.length === b.length && a.every((call, at) => callLikeness(call, b[at]) === 1);
}

/** The arguments of a call as a value; undefined when they are not JSON. */
export function argumentsOf({ argumentsText }: WrittenCall): unknown {
  if (argumentsText.trim() === '') return {};
  try {
    return JSON.parse(argumentsText) as unknown;
  } catch {
    return undefined;
  }
}

function isRecognized(part: number, current: Answer, answer: Answer): boolean {
  const both = [current, answer];
  if (part === 0) return both.some(({ classifications }) => classifications.length > 0);
  if (part === 1) return both.some(({ objects }) => objects.length > 0);
  return both.some(({ foundText }) => foundText !== '');
}

function each<T>(current: readonly T[], answer: readonly T[], compare: (a: T, b: T) => NumberLikeness): NumberLikeness {
  const most = Math.max(current.length, answer.length);
  return averageLikeness(
    Array.from({ length: most }, (_, at) => {
      const a = current[at];
      const b = answer[at];
      return a === undefined || b === undefined ? { exact: false, normalised: false, similarity: 0 } : compare(a, b);
    }),
  );
}

function textLikeness(a: string, b: string, likeness: TextLikeness): NumberLikeness {
  if (a === b) return { exact: true, normalised: true, similarity: 1 };
  const normalised = normaliseText(a) === normaliseText(b);
  return { exact: false, normalised, similarity: Math.min(1, Math.max(0, likeness(a, b))) };
}

/** Text counts where there is any, calls where there are any; where both are, each counts half. */
function choiceLikeness(a: WrittenChoice, b: WrittenChoice, likeness: TextLikeness): NumberLikeness {
  const texts = textLikeness(a.text, b.text, likeness);
  if (a.calls.length + b.calls.length === 0) return texts;
  const isEqual = areSameCalls(a.calls, b.calls);
  const most = Math.max(a.calls.length, b.calls.length);
  const sum = a.calls.reduce((total, call, at) => total + callLikeness(call, b.calls[at]), 0);
  const calls = { exact: isEqual, normalised: isEqual, similarity: sum / most };
  return a.text.trim() === '' && b.text.trim() === '' ? calls : averageLikeness([calls, texts]);
}

/** Another function is unlike; the same one is half alike, and wholly with equal arguments. */
function callLikeness(a: WrittenCall, b: WrittenCall | undefined): number {
  if (a.name !== b?.name) return 0;
  const one = argumentsOf(a);
  const other = argumentsOf(b);
  if (one === undefined || other === undefined) return a.argumentsText === b.argumentsText ? 1 : 0.5;
  if (isDeepStrictEqual(one, other)) return 1;
  if (!isRecord(one) || !isRecord(other)) return 0.5;
  const keys = new Set([...Object.keys(one), ...Object.keys(other)]);
  const equal = [...keys].filter((key) => key in one && key in other && isDeepStrictEqual(one[key], other[key])).length;
  return 0.5 + equal / keys.size / 2;
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

import type { CharRange } from '../grammar/index.ts';

/** Says what is wrong or not supported, as the end of a sentence about the pattern. */
export class PatternError extends Error {}

/** A regular expression without anchors. */
export type PatternTree =
  | { readonly kind: 'set'; readonly ranges: readonly CharRange[] }
  | { readonly kind: 'sequence'; readonly parts: readonly PatternTree[] }
  | { readonly kind: 'choice'; readonly options: readonly PatternTree[] }
  | { readonly kind: 'repeat'; readonly of: PatternTree; readonly min: number; readonly max: number | undefined };

/** One top-level alternative. Where it is not anchored, any text may stand. */
export interface PatternAlternative {
  readonly body: PatternTree;
  readonly isStartAnchored: boolean;
  readonly isEndAnchored: boolean;
}

export interface Lengths {
  readonly min: number;
  /** Absent: no end. */
  readonly max: number | undefined;
}

/** Fewest and most characters that a tree matches. */
export function lengthsOf(tree: PatternTree): Lengths {
  switch (tree.kind) {
    case 'set':
      return { min: 1, max: 1 };
    case 'sequence':
      return tree.parts.map(lengthsOf).reduce((a, b) => ({ min: a.min + b.min, max: plus(a.max, b.max) }), { min: 0, max: 0 });
    case 'choice': {
      const all = tree.options.map(lengthsOf);
      const ends = all.map((each) => each.max);
      const most = ends.every((end) => end !== undefined) ? Math.max(...ends) : undefined;
      return { min: Math.min(...all.map((each) => each.min)), max: most };
    }
    case 'repeat': {
      const one = lengthsOf(tree.of);
      if (tree.max === 0 || one.max === 0) return { min: 0, max: 0 };
      return { min: one.min * tree.min, max: one.max === undefined || tree.max === undefined ? undefined : one.max * tree.max };
    }
  }
}

function plus(a: number | undefined, b: number | undefined): number | undefined {
  return a === undefined || b === undefined ? undefined : a + b;
}

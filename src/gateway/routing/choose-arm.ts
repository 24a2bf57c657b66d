import type { TrafficArm } from '../../core/traffic/index.ts';
import type { Unit } from './unit-of.ts';

/** An arm and the hash of what it is known by. */
export interface SeededArm extends TrafficArm {
  /** Names the arm among its likes, so that the order in which arms are listed decides nothing. */
  readonly key: string;
  readonly seed: readonly [number, number];
}

/** An arm, whether its version answers now, and how it did. */
export interface ScoredArm<A extends SeededArm = SeededArm> {
  readonly arm: A;
  readonly isServing: boolean;
  /** 0 for an arm without weight. */
  readonly score: number;
}

/**
 * Weighted rendezvous hashing (D. Thaler, C. Ravishankar, "Using name-based mappings to increase hit rates", 1998; weights by
 * −w / ln h, J. Resch, "New hashing algorithms for data storage", 2015): each arm scores by its weight and a hash of arm and unit, and the
 * highest score wins. An arm wins as often as its weight says, and a unit changes its arm only when that arm's weight falls or another's rises.
 */
export function scoreArms<A extends SeededArm>(arms: readonly A[], unit: Unit, isServing: (arm: A) => boolean): ScoredArm<A>[] {
  return arms.map((arm) => ({
    arm,
    isServing: isServing(arm),
    score: arm.weight > 0 ? -arm.weight / Math.log(hashOf(unit.words, arm.seed)) : 0,
  }));
}

/** The highest score among the arms with weight that serve, else among those with weight; undefined when none has any. */
export function chooseArm<A extends SeededArm>(scored: readonly ScoredArm<A>[]): ScoredArm<A> | undefined {
  let best: ScoredArm<A> | undefined;
  for (const candidate of scored) {
    if (candidate.arm.weight > 0 && (best === undefined || isBetter(candidate, best))) best = candidate;
  }
  return best;
}

function isBetter(candidate: ScoredArm, best: ScoredArm): boolean {
  if (candidate.isServing !== best.isServing) return candidate.isServing;
  return candidate.score === best.score ? candidate.arm.key < best.arm.key : candidate.score > best.score;
}

const TWO_20 = 2 ** 20;
const TWO_52 = 2 ** 52;

/** Uniform, 0 < h < 1: a double has room for 52 bits and the half between two steps. */
function hashOf([unitHigh, unitLow]: Unit['words'], [armHigh, armLow]: SeededArm['seed']): number {
  const high = mix(unitHigh ^ armHigh);
  const low = mix(unitLow ^ armLow ^ high);
  return ((high >>> 0) * TWO_20 + (low >>> 12) + 0.5) / TWO_52;
}

/** The final mix of MurmurHash3 (A. Appleby): every bit of the word turns every bit of the result with even odds. */
function mix(word: number): number {
  let mixed = Math.imul(word ^ (word >>> 16), 0x85ebca6b);
  mixed = Math.imul(mixed ^ (mixed >>> 13), 0xc2b2ae35);
  return mixed ^ (mixed >>> 16);
}

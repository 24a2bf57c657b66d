import type { Measurement } from './rounds.ts';
import { median, medianInterval, type Interval } from './statistics.ts';

export interface Comparison {
  readonly metric: string;
  readonly peer: string;
  readonly ourMedian: number;
  readonly peerMedian: number;
  /** Of the per-round ratios ours / peer. */
  readonly ratio: Interval;
  /** Pairs that counted, of all that were measured. */
  readonly usedPairs: number;
  readonly allPairs: number;
}

export interface ComparisonOptions {
  readonly ours: string;
  readonly peer: string;
  readonly metric: string;
  /** Also count pairs during which others used the machine. For a first look only. */
  readonly keepsNoisy: boolean;
}

/** Pairs the two sides round by round; a pair with foreign load on either side is left out. */
export function compareSides(measurements: readonly Measurement[], options: ComparisonOptions): Comparison {
  const find = (side: string, round: number): Measurement | undefined =>
    measurements.find((measurement) => measurement.side === side && measurement.round === round);
  const rounds = [...new Set(measurements.map((measurement) => measurement.round))];
  const pairs = rounds.flatMap((round) => {
    const ours = find(options.ours, round);
    const peer = find(options.peer, round);
    const ourValue = ours?.metrics[options.metric];
    const peerValue = peer?.metrics[options.metric];
    if (ours === undefined || peer === undefined || ourValue === undefined || peerValue === undefined) return [];
    return [{ ourValue, peerValue, isNoisy: ours.noise.isNoisy || peer.noise.isNoisy }];
  });
  const kept = options.keepsNoisy ? pairs : pairs.filter((pair) => !pair.isNoisy);
  return {
    metric: options.metric,
    peer: options.peer,
    ourMedian: median(kept.map((pair) => pair.ourValue)),
    peerMedian: median(kept.map((pair) => pair.peerValue)),
    ratio: medianInterval(kept.map((pair) => pair.ourValue / pair.peerValue)),
    usedPairs: kept.length,
    allPairs: pairs.length,
  };
}

import { addMoment, addNumber, addPair, type Side } from '../../../core/statistics/index.ts';
import { WORSE, type MeanJudge, type MeanTrack } from './evidence-document.ts';

/** 1 when more is worse, −1 when less is. */
export function turnOf(judge: MeanJudge): 1 | -1 {
  return WORSE[judge] === 'lower' ? -1 : 1;
}

/** The tracks of all judges of means. */
export type MeanTracks = Readonly<Record<MeanJudge, MeanTrack>>;

/** Takes one number of one side in; what is absent or not finite is passed over. */
export function addMean(
  tracks: MeanTracks,
  judge: MeanJudge,
  { side, value }: { readonly side: Side; readonly value: number | undefined },
): void {
  if (value === undefined || !Number.isFinite(value)) return;
  const track = tracks[judge];
  const turned = turnOf(judge) * value;
  addMoment(track[side], value);
  for (const { worse, other } of [track.whole, track.step]) {
    addNumber(worse, side, turned);
    if (other !== undefined) addNumber(other, side, -turned);
  }
}

/** Two numbers of one comparison. */
export interface NumberPair {
  readonly current: number | undefined;
  readonly candidate: number | undefined;
}

/** Takes the numbers of one comparison in; both or none. */
export function addMeanPair(tracks: MeanTracks, judge: MeanJudge, { current, candidate }: NumberPair): void {
  if (current === undefined || candidate === undefined || !Number.isFinite(current) || !Number.isFinite(candidate)) return;
  const track = tracks[judge];
  const turn = turnOf(judge);
  addMoment(track.current, current);
  addMoment(track.candidate, candidate);
  for (const { worse, other } of [track.whole, track.step]) {
    addPair(worse, { current: turn * current, candidate: turn * candidate });
    if (other !== undefined) addPair(other, { current: -turn * current, candidate: -turn * candidate });
  }
}

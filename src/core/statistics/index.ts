export { boundsAtAllTimes, alwaysValidP, type Bounds, type Estimate } from './normal-mixture.ts';
export {
  addClass,
  classTestSchema,
  classTotals,
  endClassBlock,
  mergeClassTests,
  noClassTest,
  stabilityIndex,
  sumOf,
  type ClassTest,
} from './class-test.ts';
export {
  addEvent,
  addEventBlock,
  endEventBlock,
  eventTestSchema,
  eventTotals,
  mergeEventTests,
  noEventTest,
  type EventBlock,
  type EventTally,
  type EventTest,
} from './event-test.ts';
export {
  addNumber,
  addPair,
  dropOpenNumbers,
  exchangeLogE,
  exchangeTestSchema,
  mergeExchangeTests,
  noExchangeTest,
  type ExchangeTest,
} from './exchange-test.ts';
export { addMoment, mergeMoments, momentsSchema, noMoments, varianceOf, type Moments } from './moments.ts';
export { gapOf, gapVariance, type WeightedGap } from './weighted-gap.ts';
export type { Side } from './two-sides.ts';
export {
  addToCluster,
  clusteredMean,
  clusteredSumsSchema,
  mergeClusteredSums,
  noClusteredSums,
  type ClusteredMean,
  type ClusteredSums,
} from './clustered-mean.ts';
export { shareLogE } from './share-test.ts';

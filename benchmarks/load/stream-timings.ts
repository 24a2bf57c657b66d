import type { StreamRecord } from './specifications.ts';

/** Decode rate of one stream: tokens after the first over the time from the first to the last. */
export function decodeTokensPerSecond(record: StreamRecord): number {
  return ((record.completionTokens - 1) / (record.lastMs - record.startMs - record.ttftMs)) * 1000;
}

export function timePerOutputTokenMs(record: StreamRecord): number {
  return 1000 / decodeTokensPerSecond(record);
}

/** Tokens of all streams over the time from the first request to the last token. */
export function outputTokensPerSecond(records: readonly StreamRecord[]): number {
  const tokens = records.reduce((sum, record) => sum + record.completionTokens, 0);
  const startMs = Math.min(...records.map((record) => record.startMs));
  const endMs = Math.max(...records.map((record) => record.lastMs));
  return (tokens / (endMs - startMs)) * 1000;
}

/** Streams that did not bring all their tokens. */
export function countIncomplete(records: readonly StreamRecord[], tokens: number): number {
  return records.filter((record) => record.status !== 200 || record.completionTokens !== tokens).length;
}

import type { LineRecord, ReleaseContents, RolloutRecord, VersionRecord } from '../../src/core/records/index.ts';
import { defaultTrafficPolicy } from '../../src/core/traffic/index.ts';

/** A version as `echo` has it. */
export function versionRecord(model: string, version: string, more: Partial<VersionRecord> = {}): VersionRecord {
  return { model, version, settings: { engine: 'echo' }, madeBy: 'added', addedBy: 'local', addedAt: 1, ...more };
}

/** A line with the given traffic over the defaults. */
export function lineRecord(
  model: string,
  { traffic, ...more }: Partial<Omit<LineRecord, 'traffic'>> & { readonly traffic?: Partial<LineRecord['traffic']> } = {},
): LineRecord {
  return {
    model,
    policy: { latest: 1 },
    aliases: {},
    traffic: { ...defaultTrafficPolicy, ...traffic },
    revision: 1,
    ...more,
  };
}

/** A rollout of `chat` from 1 to 2. */
export function rolloutRecord(more: Partial<RolloutRecord> = {}): RolloutRecord {
  return {
    id: 'r_1',
    model: 'chat',
    baseline: '1',
    candidate: '2',
    plan: {},
    state: 'canary',
    step: 0,
    share: 0.1,
    reason: 'because',
    evidence: {},
    verdicts: {},
    startedBy: 'local',
    startedAt: 1,
    stepStartedAt: 1,
    revision: 1,
    ...more,
  };
}

/** A view of the book; nothing removed. */
export function releaseView(
  parts: Partial<ReleaseContents> = {},
): ReleaseContents & { readonly removed: readonly VersionRecord[] } {
  return { revision: 7, versions: [], lines: [], rollouts: [], experiments: [], removed: [], ...parts };
}

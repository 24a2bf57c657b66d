import type { JsonObject } from '../../../core/inference/index.ts';
import type {
  ExperimentRecord,
  LineRecord,
  RolloutRecord,
  RolloutState,
  VersionFacts,
  VersionRecord,
} from '../../../core/records/index.ts';
import type { TrafficPolicy, VersionPolicy } from '../../../core/traffic/index.ts';
import type { ExperimentRow, LineRow, RolloutRow, VersionRow } from '../schema/index.ts';
import { readDocument, writeDocument } from './row-values.ts';

export function versionToRow(record: VersionRecord): VersionRow {
  return {
    model: record.model,
    version: record.version,
    reference: record.reference ?? null,
    settings: writeDocument(record.settings),
    parent: record.parent ?? null,
    made_by: record.madeBy,
    added_by: record.addedBy,
    added_at: record.addedAt,
    found: record.found === undefined ? null : writeDocument(record.found),
    removed_at: record.removedAt ?? null,
  };
}

export function rowToVersion(row: VersionRow): VersionRecord {
  return {
    model: row.model,
    version: row.version,
    ...(row.reference === null ? {} : { reference: row.reference }),
    settings: readDocument<JsonObject>(row.settings),
    ...(row.parent === null ? {} : { parent: row.parent }),
    madeBy: row.made_by,
    addedBy: row.added_by,
    addedAt: row.added_at,
    ...(row.found === null ? {} : { found: readDocument<VersionFacts>(row.found) }),
    ...(row.removed_at === null ? {} : { removedAt: row.removed_at }),
  };
}

export function lineToRow(record: LineRecord): LineRow {
  return {
    model: record.model,
    policy: writeDocument(record.policy),
    aliases: writeDocument(record.aliases),
    traffic: writeDocument(record.traffic),
    revision: record.revision,
  };
}

export function rowToLine(row: LineRow): LineRecord {
  return {
    model: row.model,
    policy: readDocument<VersionPolicy>(row.policy),
    aliases: readDocument<Record<string, string>>(row.aliases),
    traffic: readDocument<TrafficPolicy>(row.traffic),
    revision: row.revision,
  };
}

export function rolloutToRow(record: RolloutRecord): RolloutRow {
  return {
    id: record.id,
    model: record.model,
    baseline: record.baseline,
    candidate: record.candidate,
    plan: writeDocument(record.plan),
    state: record.state,
    step: record.step,
    share: record.share,
    paused_because: record.pausedBecause ?? null,
    reason: record.reason,
    evidence: writeDocument(record.evidence),
    verdicts: writeDocument(record.verdicts),
    started_by: record.startedBy,
    started_at: record.startedAt,
    step_started_at: record.stepStartedAt,
    ended_at: record.endedAt ?? null,
    revision: record.revision,
  };
}

export function rowToRollout(row: RolloutRow): RolloutRecord {
  return {
    id: row.id,
    model: row.model,
    baseline: row.baseline,
    candidate: row.candidate,
    plan: readDocument<JsonObject>(row.plan),
    state: row.state as RolloutState,
    step: row.step,
    share: row.share,
    ...(row.paused_because === null ? {} : { pausedBecause: row.paused_because }),
    reason: row.reason,
    evidence: readDocument<JsonObject>(row.evidence),
    verdicts: readDocument<JsonObject>(row.verdicts),
    startedBy: row.started_by,
    startedAt: row.started_at,
    stepStartedAt: row.step_started_at,
    ...(row.ended_at === null ? {} : { endedAt: row.ended_at }),
    revision: row.revision,
  };
}

export function experimentToRow(record: ExperimentRecord): ExperimentRow {
  return {
    id: record.id,
    model: record.model,
    state: record.state,
    plan: writeDocument(record.plan),
    evidence: writeDocument(record.evidence),
    started_by: record.startedBy,
    started_at: record.startedAt,
    ended_at: record.endedAt ?? null,
    reason: record.reason,
    revision: record.revision,
  };
}

export function rowToExperiment(row: ExperimentRow): ExperimentRecord {
  return {
    id: row.id,
    model: row.model,
    state: row.state === 'running' ? 'running' : 'stopped',
    plan: readDocument<JsonObject>(row.plan),
    evidence: readDocument<JsonObject>(row.evidence),
    startedBy: row.started_by,
    startedAt: row.started_at,
    ...(row.ended_at === null ? {} : { endedAt: row.ended_at }),
    reason: row.reason,
    revision: row.revision,
  };
}

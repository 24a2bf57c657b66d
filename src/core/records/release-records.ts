import type { JsonObject } from '../inference/index.ts';
import type { TrafficPolicy, VersionPolicy } from '../traffic/index.ts';

/** One version of a model: immutable but for what is found out when it first loads (`found`) and for its retirement. */
export interface VersionRecord {
  readonly model: string;
  /** Digits, from 1. */
  readonly version: string;
  /** What the store obtains: catalog name, source reference, or `file:` and an absolute path. Absent for `echo`. */
  readonly reference?: string;
  /** Fields of a configured model (slots, engine, task, stepMs …) without `name` and `source`. */
  readonly settings: JsonObject;
  /** The version that it was made from. */
  readonly parent?: string;
  /** How it was made, in words: `added`, `quantized to Q4_0`. */
  readonly madeBy: string;
  /** Id of the key, or `configuration`, `folder`, `local`. */
  readonly addedBy: string;
  /** Unix milliseconds. */
  readonly addedAt: number;
  /** Absent until it has loaded once. */
  readonly found?: VersionFacts;
  /** Unix milliseconds; a removed version is kept in the book and its number is never given again. */
  readonly removedAt?: number;
}

/** What loading a version has found out. */
export interface VersionFacts {
  /** 64 lower-case hexadecimal digits; absent for `echo`. */
  readonly sha256?: string;
  readonly bytes: number;
  readonly source?: string;
  readonly licence?: string;
  /** Name and version: `llama.cpp 3.22.1 cpu`. */
  readonly engine: string;
  /** `Q4_1`, `FP32`. */
  readonly precision: string;
}

/** What is wanted of a model over all its versions. */
export interface LineRecord {
  readonly model: string;
  readonly policy: VersionPolicy;
  /** Alias → version. */
  readonly aliases: Readonly<Record<string, string>>;
  readonly traffic: TrafficPolicy;
  /** Grows with every change; a change made on top of an older one is refused. */
  readonly revision: number;
}

/**
 * preparing → shadowing → canary → promoted; any of the first three → rolled-back (a judge decided), aborted (somebody did) or failed
 * (the candidate could not be loaded). Strategies may leave shadowing or canary out.
 */
export type RolloutState = 'preparing' | 'shadowing' | 'canary' | 'promoted' | 'rolled-back' | 'aborted' | 'failed';

/** The managed move of a model from one version to another. `plan`, `evidence` and `verdicts` are the rollout engine's own documents. */
export interface RolloutRecord {
  readonly id: string;
  readonly model: string;
  readonly baseline: string;
  readonly candidate: string;
  readonly plan: JsonObject;
  readonly state: RolloutState;
  /** Index of the canary step; 0 before. */
  readonly step: number;
  /** Share of the candidate now, 0…1. */
  readonly share: number;
  /** Why it stands still, when somebody paused it. */
  readonly pausedBecause?: string;
  /** Why it is in this state. */
  readonly reason: string;
  readonly evidence: JsonObject;
  readonly verdicts: JsonObject;
  readonly startedBy: string;
  /** Unix milliseconds. */
  readonly startedAt: number;
  readonly stepStartedAt: number;
  readonly endedAt?: number;
  readonly revision: number;
}

/** A comparison of versions that is no rollout: it ends with a result, never by itself with a change of traffic. */
export interface ExperimentRecord {
  readonly id: string;
  readonly model: string;
  readonly state: 'running' | 'stopped';
  /** Arms, metric, guards: the experiment's own document. */
  readonly plan: JsonObject;
  readonly evidence: JsonObject;
  readonly startedBy: string;
  readonly startedAt: number;
  readonly endedAt?: number;
  readonly reason: string;
  readonly revision: number;
}

/** One entry of the audit log. `sequence` counts from 1 without a gap; `digest` covers the entry and the digest before it. */
export interface AuditRecord {
  readonly sequence: number;
  readonly at: number;
  /** Id of a key, `local`, `autopilot`, `configuration`. */
  readonly actor: string;
  /** `version.added`, `alias.moved`, `rollout.advanced`. */
  readonly action: string;
  /** `chat:4`, `rollout r_…`. */
  readonly subject: string;
  readonly detail: JsonObject;
  readonly digest: string;
}

/** What is written into the log together with a change; number, time and digest are added by the book. */
export type AuditNote = Pick<AuditRecord, 'actor' | 'action' | 'subject' | 'detail'>;

/** The right to decide something, held by one process at a time. */
export interface Lease {
  readonly name: string;
  readonly holder: string;
  /** Grows with every new holder: what an older holder still writes is refused. */
  readonly token: number;
}

/** Who was given which arm of an experiment, once per unit. */
export interface AssignmentRecord {
  readonly experiment: string;
  readonly unit: string;
  readonly arm: string;
  readonly version: string;
  readonly at: number;
}

/** Which version answered a request of a model that is being compared, so that feedback finds it. */
export interface AnswerRecord {
  readonly requestId: string;
  readonly model: string;
  readonly version: string;
  readonly arm: string;
  readonly purposeId: string;
  readonly unit: string;
  /** The key that asked; absent in what earlier releases wrote. */
  readonly keyId?: string;
  readonly at: number;
}

/** What somebody thought of an answer, joined to the version and the arm that gave it. One for each request, purpose and metric: the first stays. */
export interface FeedbackRecord {
  readonly requestId: string;
  readonly model: string;
  readonly version: string;
  readonly arm: string;
  readonly purposeId: string;
  readonly metric: string;
  readonly score: number;
  readonly at: number;
}

/** A redacted request that may be run again. */
export interface CaptureRecord {
  readonly id: string;
  readonly model: string;
  readonly at: number;
  /** An InferenceRequest as JSON; bytes in base64. */
  readonly request: JsonObject;
}

/** Evidence of a rollout, gathered by a process that does not hold its lease, for the process that does. Never content. */
export interface RolloutReport {
  readonly rollout: string;
  /** The process. */
  readonly holder: string;
  /** Counts from 1 for each holder. */
  readonly sequence: number;
  readonly report: JsonObject;
}

/** A change of the book: what is written, on what condition, and what the audit log says of it. All of it happens or nothing does. */
export interface ReleaseChange {
  readonly audit: AuditNote;
  readonly addVersion?: VersionRecord;
  readonly removeVersion?: { readonly model: string; readonly version: string; readonly at: number };
  /** Throws `stale_revision` unless the book has `line.revision − 1` (or no line, with revision 1). */
  readonly line?: LineRecord;
  /** As `line`; revision 1 is a new one. */
  readonly rollout?: RolloutRecord;
  readonly experiment?: ExperimentRecord;
  /** The change is refused with `stale_lease` unless this is still the lease's newest token and it has not run out. */
  readonly lease?: Lease;
  /** The change rests on all that the book holds, not on its line alone: `stale_revision` unless the releases are still at this revision. */
  readonly bookRevision?: number;
}

/** Everything of releases at one moment. */
export interface ReleaseContents {
  /** Of the book; grows with every change. */
  readonly revision: number;
  /** Removed ones left out. */
  readonly versions: readonly VersionRecord[];
  readonly lines: readonly LineRecord[];
  /** Running ones, and the newest ended one of each model. */
  readonly rollouts: readonly RolloutRecord[];
  readonly experiments: readonly ExperimentRecord[];
}

/** The releases of a book. A resolved promise means that the change survives a power loss. */
export interface ReleaseRecords {
  /** Grows with every `change`, whichever process made it. */
  releasesRevision(): Promise<number>;
  readReleases(): Promise<ReleaseContents>;
  /** All versions that a model ever had, removed ones included, oldest first. */
  listVersions(model: string): Promise<readonly VersionRecord[]>;
  /** Throws `stale_revision` or `stale_lease`; then nothing was written. Gives the new revision of the book. */
  change(change: ReleaseChange): Promise<number>;
  /** Notes what loading a version found out. Not audited; does not touch revisions when nothing is new. */
  noteVersionFacts(version: { readonly model: string; readonly version: string }, found: VersionFacts): Promise<void>;
  /** Replaces the evidence and verdicts of a running rollout, without a new revision. Refused with `stale_lease` like a change. */
  noteRolloutEvidence(rollout: Pick<RolloutRecord, 'id' | 'evidence' | 'verdicts'>, lease: Lease): Promise<void>;
  noteExperimentEvidence(experiment: Pick<ExperimentRecord, 'id' | 'evidence'>, lease: Lease): Promise<void>;
  /** Newest first. */
  listRollouts(model: string, most: number): Promise<readonly RolloutRecord[]>;
  listExperiments(model: string, most: number): Promise<readonly ExperimentRecord[]>;
  /** In order of sequence, from `after` (exclusive). */
  readAudit(range: {
    readonly after: number;
    readonly most: number;
    /** Only entries of this subject. */
    readonly subject?: string;
  }): Promise<readonly AuditRecord[]>;
  /** Calls back soon after a change by any process; misses none for longer than the poll of whoever uses it. Returns the way to stop. */
  watchReleases(onChanged: () => void): () => void;
}

/** Leases of a book, by the book's own clock. */
export interface LeaseRecords {
  /** The lease, taken or prolonged; undefined while another holds it. A new holder gets a higher token. */
  takeLease(name: string, holder: string, ttlMs: number): Promise<Lease | undefined>;
  /** Gives it back early; nothing happens when it has another holder by now. */
  giveLease(lease: Lease): Promise<void>;
}

/** What is learnt from requests. Batches are written in one transaction. */
export interface EvidenceRecords {
  noteAnswers(answers: readonly AnswerRecord[]): Promise<void>;
  findAnswer(requestId: string): Promise<AnswerRecord | undefined>;
  /** The first arm of a unit stays; later ones are passed over, and so are units beyond `mostPerExperiment` (200,000 when absent). */
  noteAssignments(assignments: readonly AssignmentRecord[], mostPerExperiment?: number): Promise<void>;
  /** In the order in which they were noted, from `after` (a row number, exclusive). */
  listAssignments(
    experiment: string,
    range: { readonly after: number; readonly most: number },
  ): Promise<ReadonlyArray<AssignmentRecord & { readonly row: number }>>;
  /** By arm; also of what is forgotten. */
  countAssignments(experiment: string): Promise<Readonly<Record<string, number>>>;
  addFeedback(feedback: FeedbackRecord): Promise<void>;
  /** Oldest first, from `after` (a row number, exclusive). */
  readFeedback(
    purposeId: string,
    range: { readonly after: number; readonly most: number },
  ): Promise<ReadonlyArray<FeedbackRecord & { readonly row: number }>>;
  /** One that is there already is passed over. */
  noteRolloutReport(report: RolloutReport): Promise<void>;
  /** By holder, then by sequence. */
  readRolloutReports(rollout: string, most: number): Promise<readonly RolloutReport[]>;
  /** Removes what was counted: of each holder everything up to its sequence; all of the rollout when `upTo` is absent. */
  forgetRolloutReports(rollout: string, upTo?: Readonly<Record<string, number>>): Promise<void>;
  addCaptures(captures: readonly CaptureRecord[], mostPerModel: number): Promise<void>;
  /** Newest first, those that come after `before` in this order. */
  listCaptures(model: string, most: number, before?: Pick<CaptureRecord, 'at' | 'id'>): Promise<readonly CaptureRecord[]>;
  removeCaptures(model: string): Promise<number>;
  /** Removes answers that are older. */
  forgetAnswers(beforeAt: number): Promise<void>;
  /** Removes the assignments of experiments that ended earlier; their counts stay. */
  forgetAssignments(endedBefore: number): Promise<void>;
}

/** Rows of a book. Documents are JSON as text, times unix milliseconds; a column that may be absent is null. */
export interface Tables {
  migrations: { version: number; applied_at: number };
  revisions: { subject: string; revision: number };
  models: ModelRow;
  keys: KeyRow;
  versions: VersionRow;
  lines: LineRow;
  rollouts: RolloutRow;
  experiments: ExperimentRow;
  audit: AuditRow;
  leases: { name: string; holder: string; token: number; expires_at: number };
  answers: AnswerRow;
  assignments: AssignmentRow;
  assignment_counts: { experiment: string; arm: string; count: number };
  feedback: FeedbackRow;
  rollout_reports: { rollout: string; holder: string; sequence: number; report: string };
  captures: { id: string; model: string; at: number; request: string };
  secrets: { name: string; value: string };
}

/** A ModelRecord; `files` is a list of FileRecord. */
export interface ModelRow {
  name: string;
  reference: string;
  sha256: string;
  bytes: number;
  source: string;
  licence: string | null;
  added_at: number;
  file_modified_at_ms: number;
  engine: string;
  task: string;
  files: string | null;
}

/** A KeyRecord. */
export interface KeyRow {
  id: string;
  label: string;
  role: string;
  hash: string;
  created_at: number;
  revoked_at: number | null;
  last_used_at: number | null;
}

/** A VersionRecord; `settings` and `found` are documents. */
export interface VersionRow {
  model: string;
  version: string;
  reference: string | null;
  settings: string;
  parent: string | null;
  made_by: string;
  added_by: string;
  added_at: number;
  found: string | null;
  removed_at: number | null;
}

/** A LineRecord; `policy`, `aliases` and `traffic` are documents. */
export interface LineRow {
  model: string;
  policy: string;
  aliases: string;
  traffic: string;
  revision: number;
}

/** A RolloutRecord; `plan`, `evidence` and `verdicts` are documents. */
export interface RolloutRow {
  id: string;
  model: string;
  baseline: string;
  candidate: string;
  plan: string;
  state: string;
  step: number;
  share: number;
  paused_because: string | null;
  reason: string;
  evidence: string;
  verdicts: string;
  started_by: string;
  started_at: number;
  step_started_at: number;
  ended_at: number | null;
  revision: number;
}

/** An ExperimentRecord; `plan` and `evidence` are documents. */
export interface ExperimentRow {
  id: string;
  model: string;
  state: string;
  plan: string;
  evidence: string;
  started_by: string;
  started_at: number;
  ended_at: number | null;
  reason: string;
  revision: number;
}

/** An AuditRecord; `detail` is a document in canonical form. */
export interface AuditRow {
  sequence: number;
  at: number;
  actor: string;
  action: string;
  subject: string;
  detail: string;
  digest: string;
}

/** An AnswerRecord. */
export interface AnswerRow {
  request_id: string;
  model: string;
  version: string;
  arm: string;
  purpose_id: string;
  unit: string;
  at: number;
  key_id: string | null;
}

/** An AssignmentRecord; `ordinal` counts all of them. */
export interface AssignmentRow {
  ordinal: number;
  experiment: string;
  unit: string;
  arm: string;
  version: string;
  at: number;
}

/** A FeedbackRecord; `ordinal` counts all of them. */
export interface FeedbackRow {
  ordinal: number;
  request_id: string;
  model: string;
  version: string;
  arm: string;
  purpose_id: string;
  metric: string;
  score: number;
  at: number;
}

/** How a database spells what the steps need. */
export interface ColumnWords {
  /** Text that is compared byte by byte. */
  readonly text: string;
  /** 64 bits. */
  readonly whole: string;
  /** 64 bits, floating. */
  readonly real: string;
  /** What a CREATE TABLE ends with. */
  readonly end: string;
  /** Where tables lie, with its dot. */
  readonly place: string;
  /** An expression for 64 random hexadecimal digits; absent where secrets of a home lie beside the book. */
  readonly freshSecret?: string;
}

export const sqliteWords: ColumnWords = { text: 'TEXT', whole: 'INTEGER', real: 'REAL', end: ' STRICT', place: '' };
export const postgresWords: ColumnWords = {
  text: 'TEXT COLLATE "C"',
  whole: 'BIGINT',
  real: 'DOUBLE PRECISION',
  end: '',
  place: 'plinth.',
  // 244 bits of the database's own strong randomness; so the secret is in no statement that the database may log.
  freshSecret: `replace(gen_random_uuid()::text || gen_random_uuid()::text, '-', '')`,
};

/** One step: its statements in order. */
type Migration = (words: ColumnWords) => readonly string[];

/** Numbered steps of the schema, forward only: step n brings a book from version n − 1 to n. Never edit a step that was released. */
export const migrations: readonly Migration[] = [
  modelsAndKeys,
  modelsOfSeveralFiles,
  releases,
  secrets,
  keysOfAnswers,
  countedAssignments,
];

/** The table that notes which steps were taken. */
export function migrationsTable({ whole, end, place }: ColumnWords): string {
  return `CREATE TABLE IF NOT EXISTS ${place}migrations (version ${whole} PRIMARY KEY, applied_at ${whole} NOT NULL)${end}`;
}

function modelsAndKeys({ text, whole, real, end, place }: ColumnWords): readonly string[] {
  return [
    `CREATE TABLE ${place}models (
       name ${text} PRIMARY KEY,
       reference ${text} NOT NULL,
       sha256 ${text} NOT NULL CHECK (length(sha256) = 64),
       bytes ${whole} NOT NULL,
       source ${text} NOT NULL,
       licence ${text},
       added_at ${whole} NOT NULL,
       file_modified_at_ms ${real} NOT NULL
     )${end}`,
    `CREATE TABLE ${place}keys (
       id ${text} PRIMARY KEY,
       label ${text} NOT NULL,
       role ${text} NOT NULL CHECK (role IN ('inference', 'admin')),
       hash ${text} NOT NULL,
       created_at ${whole} NOT NULL,
       revoked_at ${whole},
       last_used_at ${whole}
     )${end}`,
    `CREATE TABLE ${place}revisions (
       subject ${text} PRIMARY KEY,
       revision ${whole} NOT NULL
     )${end}`,
    `INSERT INTO ${place}revisions (subject, revision) VALUES ('keys', 0)`,
  ];
}

function modelsOfSeveralFiles({ text, place }: ColumnWords): readonly string[] {
  return [
    `ALTER TABLE ${place}models ADD COLUMN engine ${text} NOT NULL DEFAULT 'llama'`,
    `ALTER TABLE ${place}models ADD COLUMN task ${text} NOT NULL DEFAULT 'generate'`,
    `ALTER TABLE ${place}models ADD COLUMN files ${text}`,
  ];
}

function releases(words: ColumnWords): readonly string[] {
  const { place } = words;
  const subjects = ['key-uses', 'models', 'releases', 'evidence', 'feedback', 'assignments'];
  return [
    ...linesAndVersions(words),
    ...rolloutsAndExperiments(words),
    ...auditAndLeases(words),
    ...whatRequestsTell(words),
    `INSERT INTO ${place}revisions (subject, revision) VALUES ${subjects.map((subject) => `('${subject}', 0)`).join(', ')}`,
  ];
}

/** What all processes of a book that is shared must know: keys made by one are then good at all. */
function secrets({ text, end, place, freshSecret }: ColumnWords): readonly string[] {
  const table = `CREATE TABLE ${place}secrets (
       name ${text} PRIMARY KEY,
       value ${text} NOT NULL
     )${end}`;
  if (freshSecret === undefined) return [table];
  return [table, `INSERT INTO ${place}secrets (name, value) VALUES ('key-hash', ${freshSecret})`];
}

/** Whose an answer is: nobody else may say what it was worth. */
function keysOfAnswers({ text, place }: ColumnWords): readonly string[] {
  return [`ALTER TABLE ${place}answers ADD COLUMN key_id ${text}`];
}

/** How many units each arm has got, so that it is known when there are enough and after they are forgotten. */
function countedAssignments({ text, whole, end, place }: ColumnWords): readonly string[] {
  return [
    `CREATE TABLE ${place}assignment_counts (
       experiment ${text} NOT NULL,
       arm ${text} NOT NULL,
       count ${whole} NOT NULL,
       PRIMARY KEY (experiment, arm)
     )${end}`,
    `INSERT INTO ${place}assignment_counts (experiment, arm, count)
       SELECT experiment, arm, COUNT(*) FROM ${place}assignments GROUP BY experiment, arm`,
  ];
}

function linesAndVersions({ text, whole, end, place }: ColumnWords): readonly string[] {
  return [
    `CREATE TABLE ${place}versions (
       model ${text} NOT NULL,
       version ${text} NOT NULL,
       reference ${text},
       settings ${text} NOT NULL,
       parent ${text},
       made_by ${text} NOT NULL,
       added_by ${text} NOT NULL,
       added_at ${whole} NOT NULL,
       found ${text},
       removed_at ${whole},
       PRIMARY KEY (model, version)
     )${end}`,
    `CREATE TABLE ${place}lines (
       model ${text} PRIMARY KEY,
       policy ${text} NOT NULL,
       aliases ${text} NOT NULL,
       traffic ${text} NOT NULL,
       revision ${whole} NOT NULL
     )${end}`,
  ];
}

function rolloutsAndExperiments({ text, whole, real, end, place }: ColumnWords): readonly string[] {
  return [
    `CREATE TABLE ${place}rollouts (
       id ${text} PRIMARY KEY,
       model ${text} NOT NULL,
       baseline ${text} NOT NULL,
       candidate ${text} NOT NULL,
       plan ${text} NOT NULL,
       state ${text} NOT NULL,
       step ${whole} NOT NULL,
       share ${real} NOT NULL,
       paused_because ${text},
       reason ${text} NOT NULL,
       evidence ${text} NOT NULL,
       verdicts ${text} NOT NULL,
       started_by ${text} NOT NULL,
       started_at ${whole} NOT NULL,
       step_started_at ${whole} NOT NULL,
       ended_at ${whole},
       revision ${whole} NOT NULL
     )${end}`,
    `CREATE INDEX rollouts_of_model ON ${place}rollouts (model, started_at)`,
    `CREATE TABLE ${place}experiments (
       id ${text} PRIMARY KEY,
       model ${text} NOT NULL,
       state ${text} NOT NULL,
       plan ${text} NOT NULL,
       evidence ${text} NOT NULL,
       started_by ${text} NOT NULL,
       started_at ${whole} NOT NULL,
       ended_at ${whole},
       reason ${text} NOT NULL,
       revision ${whole} NOT NULL
     )${end}`,
    `CREATE INDEX experiments_of_model ON ${place}experiments (model, started_at)`,
  ];
}

function auditAndLeases({ text, whole, end, place }: ColumnWords): readonly string[] {
  return [
    `CREATE TABLE ${place}audit (
       sequence ${whole} PRIMARY KEY,
       at ${whole} NOT NULL,
       actor ${text} NOT NULL,
       action ${text} NOT NULL,
       subject ${text} NOT NULL,
       detail ${text} NOT NULL,
       digest ${text} NOT NULL
     )${end}`,
    `CREATE INDEX audit_of_subject ON ${place}audit (subject, sequence)`,
    `CREATE TABLE ${place}leases (
       name ${text} PRIMARY KEY,
       holder ${text} NOT NULL,
       token ${whole} NOT NULL,
       expires_at ${whole} NOT NULL
     )${end}`,
  ];
}

function whatRequestsTell({ text, whole, real, end, place }: ColumnWords): readonly string[] {
  return [
    `CREATE TABLE ${place}answers (
       request_id ${text} PRIMARY KEY,
       model ${text} NOT NULL,
       version ${text} NOT NULL,
       arm ${text} NOT NULL,
       purpose_id ${text} NOT NULL,
       unit ${text} NOT NULL,
       at ${whole} NOT NULL
     )${end}`,
    `CREATE INDEX answers_by_age ON ${place}answers (at)`,
    `CREATE TABLE ${place}assignments (
       ordinal ${whole} PRIMARY KEY,
       experiment ${text} NOT NULL,
       unit ${text} NOT NULL,
       arm ${text} NOT NULL,
       version ${text} NOT NULL,
       at ${whole} NOT NULL,
       UNIQUE (experiment, unit)
     )${end}`,
    `CREATE INDEX assignments_of_experiment ON ${place}assignments (experiment, ordinal)`,
    `CREATE TABLE ${place}feedback (
       ordinal ${whole} PRIMARY KEY,
       request_id ${text} NOT NULL,
       model ${text} NOT NULL,
       version ${text} NOT NULL,
       arm ${text} NOT NULL,
       purpose_id ${text} NOT NULL,
       metric ${text} NOT NULL,
       score ${real} NOT NULL,
       at ${whole} NOT NULL,
       UNIQUE (request_id, purpose_id, metric)
     )${end}`,
    `CREATE INDEX feedback_of_purpose ON ${place}feedback (purpose_id, ordinal)`,
    `CREATE TABLE ${place}rollout_reports (
       rollout ${text} NOT NULL,
       holder ${text} NOT NULL,
       sequence ${whole} NOT NULL,
       report ${text} NOT NULL,
       PRIMARY KEY (rollout, holder, sequence)
     )${end}`,
    `CREATE TABLE ${place}captures (
       id ${text} PRIMARY KEY,
       model ${text} NOT NULL,
       at ${whole} NOT NULL,
       request ${text} NOT NULL
     )${end}`,
    `CREATE INDEX captures_of_model ON ${place}captures (model, at)`,
  ];
}

import { mkdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { ReleaseGround, type RolloutStatus } from '../tests/support/release-ground.ts';
import { beginLoad, type Answered } from '../tests/support/steady-load.ts';
import { describeMachine, formatTable, median, readOptions, RESULTS_FOLDER } from './harness/index.ts';

const MODEL = 'echo';
const CALLERS = 2;
const TARGET_MS = 2_000;
const settings = { engine: 'echo', slots: 16, stepMs: 2 };
/** One whose replica dies is often not there by the time of the decision; one that is only slow answers right up to it. */
const candidates: Readonly<Record<string, object>> = { failing: { failEvery: 2 }, slow: { stepMs: 20 } };
const plan = {
  leastObservations: 8,
  steps: [
    { percent: 50, requests: 100_000 },
    { percent: 100, requests: 100_000 },
  ],
};

/** What one rollback looked like to callers. Times in ms since the decision. */
interface Rollback {
  /** From the start of the rollout to the decision. */
  readonly foundMs: number;
  /** The end of the last answer by the candidate whose request was sent after the decision; 0 when there is none. */
  readonly lastAnswerMs: number;
  /** Answers by the candidate to requests that were sent in the last second before the decision: it could have answered more. */
  readonly answersJustBefore: number;
  /** Answers by the candidate to requests that were sent after the decision. */
  readonly lateAnswers: number;
  /** Failed requests that had not ended by the decision, or were sent after it. */
  readonly failuresAfter: number;
  readonly failuresBefore: number;
  readonly answers: number;
}

interface AuditedMove {
  readonly at: number;
  readonly subject: string;
  readonly detail: { readonly to?: { readonly state?: string } };
}

/** When the book says that it was decided, by the database's clock, which is this machine's. */
async function readDecision(ground: ReleaseGround, { id }: RolloutStatus): Promise<number> {
  const { entries } = await ground.ask<{ entries: AuditedMove[] }>('/plinth/v1/audit?most=1000');
  const decision = entries.find(({ subject, detail }) => subject === `rollout ${id}` && detail.to?.state === 'rolled-back');
  if (decision === undefined) throw new Error(`rollout ${id} was not rolled back`);
  return decision.at;
}

function summarise(answers: readonly Answered[], found: { candidate: string; startedAt: number; decidedAt: number }): Rollback {
  const { candidate, startedAt, decidedAt } = found;
  const own = answers.filter(({ version }) => version === candidate);
  const late = own.filter(({ beganAt }) => beganAt > decidedAt);
  const failures = answers.filter(({ failure }) => failure !== undefined);
  const failuresAfter = failures.filter(({ endedAt }) => endedAt > decidedAt).length;
  return {
    foundMs: decidedAt - startedAt,
    lastAnswerMs: Math.max(0, ...late.map(({ endedAt }) => endedAt - decidedAt)),
    answersJustBefore: own.filter(({ beganAt }) => beganAt > decidedAt - 1_000 && beganAt <= decidedAt).length,
    lateAnswers: late.length,
    failuresAfter,
    failuresBefore: failures.length - failuresAfter,
    answers: answers.length,
  };
}

async function measureRollback(ground: ReleaseGround, drill: object, seconds: number): Promise<Rollback> {
  const candidate = await ground.addVersion(MODEL, { settings: { ...settings, ...drill } });
  const load = beginLoad({ url: ground.served.url, model: MODEL, kind: 'chat', callers: CALLERS });
  try {
    await ground.ask('/plinth/v1/rollouts', { model: MODEL, to: candidate, strategy: 'canary', plan });
    const status = await ground.whenEnded(MODEL);
    await sleep(seconds * 1000);
    await load.stop();
    return summarise(load.answers, { candidate, startedAt: status.startedAt, decidedAt: await readDecision(ground, status) });
  } finally {
    await load.stop();
  }
}

function describe(kind: string, rollbacks: readonly Rollback[]): string {
  const rows = rollbacks.map((one, at) => [
    String(at + 1),
    ...Object.values(one).map((value: number) => Math.round(value).toString()),
  ]);
  const telling = rollbacks.filter(({ answersJustBefore, lateAnswers }) => answersJustBefore + lateAnswers > 0);
  const last = telling.map(({ lastAnswerMs }) => lastAnswerMs);
  const worst = Math.max(...last);
  const failures = rollbacks.reduce((sum, { failuresAfter }) => sum + failuresAfter, 0);
  const head = [
    kind,
    'found ms',
    'last answer ms',
    'answers just before',
    'late answers',
    'failed after',
    'failed before',
    'requests',
  ];
  const isWithin = worst < TARGET_MS ? 'met' : 'missed';
  const times =
    telling.length === 0
      ? 'No round tells'
      : `Of ${telling.length} rounds that tell: median ${Math.round(median(last))} ms, worst ${Math.round(worst)} ms (target < ${TARGET_MS} ms: ${isWithin})`;
  return [formatTable([head, ...rows]), `${times}; ${failures} failed requests after the decision.`].join('\n\n');
}

const { rounds, seconds, only } = readOptions({ rounds: 10, seconds: 3 });
const parts = [
  '## From the decision to roll back to the last answer by the candidate',
  describeMachine(),
  `A serve of the echo model, ${CALLERS} callers in a closed loop, a rollout at 50 %: to a version whose replica dies at every second request (failing), and to one that is slow. Only rounds with answers just before the decision show how fast requests are taken away: a replica that is being started again can answer nobody.`,
];
const ground = await ReleaseGround.open({ config: { models: [{ name: MODEL, ...settings }] } });
try {
  await ground.ask('/plinth/v1/traffic', { model: MODEL, traffic: { sticky: { by: 'request' } } });
  for (const [kind, drill] of Object.entries(candidates).filter(([name]) => only.length === 0 || only.includes(name))) {
    const rollbacks: Rollback[] = [];
    for (let round = 1; round <= rounds; round += 1) {
      const rollback = await measureRollback(ground, drill, seconds);
      rollbacks.push(rollback);
      console.error(`${kind} ${round}: ${JSON.stringify(rollback)}`);
    }
    parts.push(describe(kind, rollbacks));
  }
} finally {
  await ground.served.stop();
}
const text = `${parts.join('\n\n')}\n`;
mkdirSync(RESULTS_FOLDER, { recursive: true });
writeFileSync(path.join(RESULTS_FOLDER, 'rollback-time.md'), text);
console.log(text);

import { setTimeout as sleep } from 'node:timers/promises';
import { openBook } from '../../src/control/book/index.ts';
import { isRunning, openRolloutEngine, readStartRequest, type RolloutEngine } from '../../src/control/rollouts/index.ts';
import { PlinthError } from '../../src/core/errors/index.ts';
import type { RolloutRecord } from '../../src/core/records/index.ts';
import { createLogger } from '../../src/core/telemetry/index.ts';
import { addVersions, MODEL, newestRollout, RolloutWorld } from './rollout-world.ts';

/**
 * A process that is there to be killed: rolls out one version after the other over the book of a home, and says on standard output what it
 * was told had been written. Arguments: home, seed, `busy` (commands now and then) or `calm` (only the autopilot). Environment: TEST_DATABASE_URL.
 */
const [home = '', seed = '1', mood = 'busy'] = process.argv.slice(2);
const LEASE_MS = 150;
const VERSIONS = { 1: {}, 2: {}, 3: { failing: 0.4 }, 4: { refuses: 'the file is cut off' }, 5: { likeness: 0.2 } };
const PLAN = {
  steps: [
    { percent: 5, requests: 10 },
    { percent: 50, requests: 20 },
    { percent: 100, requests: 10 },
  ],
  shadow: { comparisons: 20 },
  golden: [{ question: 'yes?', expect: { contains: ['yes'] } }],
  judges: { golden: null },
};

const world = new RolloutWorld(VERSIONS, Number(seed));
const databaseUrl = process.env['TEST_DATABASE_URL'];
const book = await openBook({ home, ...(databaseUrl !== undefined && { databaseUrl }) });
const known = (await book.listVersions(MODEL)).map(({ version }) => version);
for (const version of Object.keys(VERSIONS)) if (!known.includes(version)) await attempt(() => addVersions(book, [version]));
const engine = await openRolloutEngine({
  book,
  holder: `${process.pid}-${seed}`,
  logger: createLogger({ level: 'info', destination: { write: (line) => void process.stdout.write(line) } }),
  pace: { tickMs: 10, leastTickMs: 1, leaseMs: LEASE_MS, persistMs: 20 },
  ...world.ports(),
});
say({ isReady: true });
for (;;) {
  await attempt(live);
  await sleep(2);
}

async function live(): Promise<void> {
  const rollout = await newestRollout(book);
  if (rollout === undefined || !isRunning(rollout)) return startNext(engine);
  world.askMany(engine, rollout, 50);
  // A calm one only lets go on what a busy one has left paused.
  const chance = rollout.pausedBecause === undefined ? (mood === 'busy' ? 0.03 : 0) : 0.2;
  if (world.random() < chance) await meddle(engine, rollout);
}

function say(line: object): void {
  process.stdout.write(`${JSON.stringify(line)}\n`);
}

async function startNext(autopilot: RolloutEngine): Promise<void> {
  const to = String(1 + Math.floor(world.random() * Object.keys(VERSIONS).length));
  const { id, revision, state } = await autopilot.start(readStartRequest({ model: MODEL, to, plan: PLAN }), 'local');
  say({ acknowledged: { id, revision, state } });
}

async function meddle(autopilot: RolloutEngine, { id, pausedBecause }: RolloutRecord): Promise<void> {
  const order = { actor: 'local' };
  const draw = world.random();
  const command = () => {
    if (pausedBecause !== undefined) return autopilot.resume(id, order);
    if (draw < 0.6) return autopilot.pause(id, order);
    return draw < 0.8 ? autopilot.promote(id, order) : autopilot.abort(id, order);
  };
  const { revision, state } = await command();
  say({ acknowledged: { id, revision, state } });
}

/** Another process, or the autopilot itself, may have been quicker, or may have been frozen amid a write. */
async function attempt(work: () => Promise<void>): Promise<void> {
  try {
    await work();
  } catch (error) {
    const isConflict = error instanceof PlinthError && error.code === 'conflict';
    const isLocked = error instanceof Error && error.message === 'database is locked';
    if (!isConflict && !isLocked) throw error;
  }
}

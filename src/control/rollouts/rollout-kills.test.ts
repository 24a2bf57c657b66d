import assert from 'node:assert/strict';
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { after, afterEach, before, describe, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { bookDatabaseKinds, type EmptyPlace } from '../../../tests/support/book-places.ts';
import { checkRollouts, type Acknowledged } from '../../../tests/support/check-rollouts.ts';
import { drawFrom, MODEL } from '../../../tests/support/rollout-world.ts';
import { openBook } from '../book/index.ts';
import { readJudgement } from './judgement.ts';

const PROGRAM = new URL('../../../tests/support/rollout-process.ts', import.meta.url).pathname;
const KILLS = Number(process.env['PLINTH_TEST_KILLS'] ?? '24');
const SEED = Number(process.env['PLINTH_TEST_SEED'] ?? '20250');

const FROZEN_MS = 2_000;

/** A line of the log about a move that the process has made. */
interface Move {
  readonly rollout: string;
  readonly revision: number;
}

/** One run of the program, with everything that it said. */
interface Run {
  readonly child: ChildProcess;
  readonly ready: Promise<void>;
  readonly acknowledged: Acknowledged[];
  readonly moves: Move[];
  stderr: string;
}

let runs: Run[] = [];

function start(
  { home, databaseUrl }: EmptyPlace,
  { seed, mood }: { readonly seed: number; readonly mood: 'busy' | 'calm' },
): Run {
  const env = { PATH: process.env['PATH'], ...(databaseUrl !== undefined && { TEST_DATABASE_URL: databaseUrl }) };
  const child = spawn(process.execPath, [PROGRAM, home, String(seed), mood], { stdio: ['ignore', 'pipe', 'pipe'], env });
  const ready = Promise.withResolvers<void>();
  const run: Run = { child, ready: ready.promise, acknowledged: [], moves: [], stderr: '' };
  child.stderr?.on('data', (text: Buffer) => (run.stderr += text.toString()));
  createInterface({ input: child.stdout ?? assert.fail() }).on('line', (line) => {
    const said = JSON.parse(line) as { isReady?: true; acknowledged?: Acknowledged; msg?: string } & Move;
    if (said.isReady === true) ready.resolve();
    if (said.acknowledged !== undefined) run.acknowledged.push(said.acknowledged);
    if (said.msg === 'rollout moved') run.moves.push(said);
  });
  child.on('exit', () => ready.reject(new Error(`the process ended early: ${run.stderr}`)));
  ready.promise.catch(() => undefined);
  runs.push(run);
  return run;
}

async function kill({ child }: Run): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  child.kill('SIGKILL');
  await once(child, 'close');
}

/** Everything that must hold, and how much evidence each rollout has in the book. Nothing else writes meanwhile. */
async function look(
  place: EmptyPlace,
  acknowledged: readonly Acknowledged[],
): Promise<{ readonly entries: number; readonly seen: ReadonlyMap<string, number> }> {
  const book = await openBook(place);
  try {
    const entries = await checkRollouts(book, MODEL, acknowledged);
    const rollouts = await book.listRollouts(MODEL, 1_000);
    const counts = rollouts.map(({ id, verdicts }) => [id, readJudgement(verdicts)?.counts] as const);
    return { entries, seen: new Map(counts.map(([id, seen]) => [id, (seen?.comparisons ?? 0) + (seen?.liveCurrent ?? 0)])) };
  } finally {
    await book.close();
  }
}

function movesOf(run: Run): readonly string[] {
  return run.moves.map(({ rollout, revision }) => `${rollout} ${revision}`);
}

/** Waits until a process has made more moves; false when it did not in the time it has. */
async function awaitMoves(run: Run, more: number, mostMs = Number.POSITIVE_INFINITY): Promise<boolean> {
  const wanted = run.moves.length + more;
  const endMs = performance.now() + mostMs;
  while (run.moves.length < wanted) {
    assert.equal(run.child.exitCode, null, run.stderr);
    if (performance.now() > endMs) return false;
    await sleep(5);
  }
  return true;
}

/** Freezes one process until the other has made moves; anew when it was frozen amid a write, which holds up every other one. */
async function freezeUntilMoves(still: Run, other: Run): Promise<void> {
  for (;;) {
    still.child.kill('SIGSTOP');
    const hasMoved = await awaitMoves(other, 4, FROZEN_MS);
    still.child.kill('SIGCONT');
    if (hasMoved) return;
    await sleep(500);
  }
}

for (const kind of bookDatabaseKinds()) {
  describe(kind.name, { skip: kind.skip }, () => {
    let home: string;
    before(async () => {
      home = mkdtempSync(join(tmpdir(), 'rollout-kills-'));
      await kind.start();
    });
    after(async () => {
      await kind.stop();
      rmSync(home, { recursive: true, force: true });
    });
    afterEach(async () => {
      await Promise.all(runs.map(kill));
      runs = [];
    });

    /** Two processes on one book; on a shared database each has a home of its own. */
    async function startTwo(seed: number): Promise<{ readonly place: EmptyPlace; readonly a: Run; readonly b: Run }> {
      const place = await kind.empty();
      const other = place.databaseUrl === undefined ? place : { ...place, home };
      const [a, b] = [start(place, { seed, mood: 'calm' }), start(other, { seed: seed + 1, mood: 'calm' })];
      await Promise.all([a.ready, b.ready]);
      return { place, a, b };
    }

    const kills = kind.name === 'SQLite' ? KILLS : Math.ceil(KILLS / 12);
    test(`after ${kills} kills at random instants states are legal, the audit log has no gap and nothing acknowledged is lost on ${kind.name}`, async (t) => {
      const place = await kind.empty();
      const draw = drawFrom(SEED);
      const acknowledged: Acknowledged[] = [];
      let known: ReadonlyMap<string, number> = new Map();
      for (let i = 0; i < kills; i++) {
        const run = start(place, { seed: SEED + i, mood: 'busy' });
        // One in eight is killed while it starts.
        if (draw() > 0.125) await run.ready;
        await sleep(draw() * 400);
        await kill(run);
        assert.doesNotMatch(run.stderr, /Error/);
        acknowledged.push(...run.acknowledged);
        const { seen } = await look(place, acknowledged);
        for (const [id, count] of known) assert.ok((seen.get(id) ?? 0) >= count, `evidence of ${id} was lost`);
        known = seen;
      }
      const run = start(place, { seed: SEED - 1, mood: 'calm' });
      await awaitMoves(run, 8);
      await kill(run);
      const { entries, seen } = await look(place, [...acknowledged, ...run.acknowledged]);
      t.diagnostic(`${entries} entries of ${seen.size} rollouts, ${acknowledged.length} acknowledged commands, seed ${SEED}`);
    });

    test(`of two processes one drives, and when it is killed the other goes on, on ${kind.name}`, async () => {
      const { place, a, b } = await startTwo(1);
      await Promise.all([awaitMoves(a, 1), awaitMoves(b, 1)]);
      await kill(a);
      await awaitMoves(b, 6);
      await kill(b);
      const all = [...movesOf(a), ...movesOf(b)];
      assert.equal(new Set(all).size, all.length, 'no move was made by both');
      await look(place, [...a.acknowledged, ...b.acknowledged]);
    });

    test(`a leader that stood still for longer than its lease writes nothing when it goes on, on ${kind.name}`, async () => {
      const { place, a, b } = await startTwo(3);
      const turns: ReadonlyArray<readonly [still: Run, other: Run]> = [
        [a, b],
        [b, a],
      ];
      for (const [still, other] of turns) {
        await awaitMoves(still, 1);
        await freezeUntilMoves(still, other);
        await awaitMoves(still, 1);
      }
      await Promise.all([kill(a), kill(b)]);
      const all = [...movesOf(a), ...movesOf(b)];
      assert.equal(new Set(all).size, all.length, 'no move was made by both');
      await look(place, [...a.acknowledged, ...b.acknowledged]);
    });
  });
}

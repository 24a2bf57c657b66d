import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { connect, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { configSchema } from '../core/config/index.ts';
import { encodeFrame } from '../core/framing/index.ts';
import { greedySampling, type GenerateRequest } from '../core/inference/index.ts';
import type { ToWorker } from '../core/messages/index.ts';
import { createLogger, createMetrics } from '../core/telemetry/index.ts';
import type { ControlEvent } from './hosting/index.ts';
import { startControl, type Control } from './control.ts';
import { openControlGround, type ControlGround } from '../../tests/support/control-ground.ts';

/** A program with nothing but a control room and one echo model; prints the process id of its replica. Argument: the home. */
const LONE_CONTROL = `
  import { startControl } from '${new URL('control.ts', import.meta.url).href}';
  import { configSchema } from '${new URL('../core/config/index.ts', import.meta.url).href}';
  import { createLogger, createMetrics } from '${new URL('../core/telemetry/index.ts', import.meta.url).href}';
  import { openControlGround } from '${new URL('../../tests/support/control-ground.ts', import.meta.url).href}';
  const models = [{ name: 'echo', engine: 'echo' }];
  const { parts } = await openControlGround(process.argv[1]);
  const control = await startControl({
    ...parts,
    config: configSchema.parse({ home: process.argv[1], managementPort: 0, models }),
    metrics: createMetrics(),
    logger: createLogger({ level: 'warn' }),
  });
  await control.whenReady('echo');
  process.stdout.write(String(control.replicas()[0].pid));
`;

type LostEvent = Extract<ControlEvent, { type: 'replica-lost' }>;

let home: string;
let ground: ControlGround | undefined;
let control: Control | undefined;
let events: ControlEvent[];
let log: string;

beforeEach(() => {
  home = mkdtempSync(join(tmpdir(), 'supervision-'));
  events = [];
  log = '';
});

afterEach(async () => {
  await control?.stop();
  await ground?.close();
  control = undefined;
  rmSync(home, { recursive: true, force: true });
});

async function start(models: readonly object[]): Promise<Control> {
  ground = await openControlGround(home);
  control = await startControl({
    ...ground.parts,
    config: configSchema.parse({ home, managementPort: 0, models }),
    store: {
      obtain: async () => {
        throw new Error('an echo model needs no file');
      },
      list: async () => [],
      find: async () => undefined,
      remove: async () => false,
    },
    keyring: { verify: () => undefined },
    metrics: createMetrics(),
    logger: createLogger({ level: 'info', destination: { write: (line) => (log += line) } }),
    localToken: 'unused',
    onDrainRequested: () => undefined,
    observer: (event) => events.push(event),
  });
  return control;
}

const echo = (name: string, change: object = {}) => ({ name, engine: 'echo', ...change });

function lost(model: string): readonly LostEvent[] {
  return events.filter((event) => event.type === 'replica-lost').filter((event) => event.model === model);
}

function readyCount(model: string): number {
  return events.filter((event) => event.type === 'replica-ready' && event.model === model).length;
}

async function until(isTrue: () => boolean): Promise<void> {
  while (!isTrue()) await sleep(10);
}

function replicaOf(model: string): { readonly pid: number; readonly socketPath: string } {
  const report = control?.replicas().find((candidate) => candidate.model === model);
  const routed = control?.current().models.find((candidate) => candidate.name === model)?.replicas[0];
  assert.ok(report?.pid !== undefined && routed !== undefined);
  return { pid: report.pid, socketPath: routed.socketPath };
}

/** State `T` is stopped, `Z` a zombie that waits for its parent; undefined when gone. */
function stateOf(pid: number): string | undefined {
  try {
    return /^State:\s+(\w)/m.exec(readFileSync(`/proc/${pid}/status`, 'latin1'))?.[1];
  } catch {
    return undefined;
  }
}

/** Dead with all its threads: as long as one of them ends, the sockets of the process still answer. */
function isGone(pid: number): boolean {
  const state = stateOf(pid);
  return state === undefined || (state === 'Z' && readdirSync(`/proc/${pid}/task`).length <= 1);
}

const story: GenerateRequest = {
  kind: 'generate',
  id: 'story',
  model: 'echo',
  prompts: [{ type: 'text', text: 'a long story' }],
  choiceCount: 1,
  sampling: { ...greedySampling, seed: 1 },
  maxTokens: 100_000,
  stop: [],
  constraint: { type: 'text' },
  echoesPrompt: false,
  ignoresEnd: true,
  timeLeftMs: 600_000,
};

/** Begins a stream on a replica's socket; resolves when its first events are there. */
async function beginStream(socketPath: string): Promise<Socket> {
  const socket = connect(socketPath);
  const message: ToWorker = { type: 'infer', stream: 1, request: story, delivery: 'stream' };
  socket.write(encodeFrame(message));
  await new Promise((resolve, reject) => socket.once('data', resolve).once('error', reject));
  return socket;
}

const deaths: ReadonlyArray<readonly [title: string, signal: NodeJS.Signals, reason: string]> = [
  ['a worker killed with SIGKILL is replaced', 'SIGKILL', 'exited'],
  ['a worker that aborts natively is replaced', 'SIGABRT', 'exited'],
  ['an idle worker stopped with SIGSTOP is found out and replaced', 'SIGSTOP', 'hung'],
];

for (const [title, signal, reason] of deaths) {
  test(title, async () => {
    await start([echo('echo'), echo('neighbour')]);
    await control?.whenSettled();
    process.kill(replicaOf('echo').pid, signal);
    await until(() => readyCount('echo') === 2);
    assert.deepEqual(
      lost('echo').map((event) => event.reason),
      [reason],
    );
    assert.deepEqual(lost('neighbour'), []);
    const stream = await beginStream(replicaOf('echo').socketPath);
    stream.destroy();
  });
}

test('a worker stopped in the middle of a stream is replaced and its stream ends', async () => {
  await start([echo('echo', { stepMs: 20 })]);
  await control?.whenSettled();
  const { pid, socketPath } = replicaOf('echo');
  const stream = await beginStream(socketPath);
  process.kill(pid, 'SIGSTOP');
  await new Promise((resolve) => stream.on('error', () => undefined).once('close', resolve));
  await until(() => readyCount('echo') === 2);
  assert.deepEqual(
    lost('echo').map((event) => event.reason),
    ['hung'],
  );
});

test('a worker that streams without end is left alone', async () => {
  await start([echo('echo', { stepMs: 150 })]);
  await control?.whenSettled();
  const stream = await beginStream(replicaOf('echo').socketPath);
  stream.resume();
  await sleep(3_500);
  assert.deepEqual(lost('echo'), []);
  assert.ok((control?.replicas()[0]?.runningSequences ?? 0) === 1);
  stream.destroy();
});

test('a worker above its memory limit is replaced, and the log names both numbers', async () => {
  await start([echo('echo', { memoryLimitBytes: 20_000_000 })]);
  await until(() => lost('echo').length === 1);
  const [first] = lost('echo');
  assert.equal(first?.reason, 'memory-limit');
  assert.ok((first?.retryInMs ?? 0) >= 1_600);
  assert.match(log, /resident memory is \d{8,} bytes, the limit is 20000000 bytes/);
});

const parentDeaths: ReadonlyArray<readonly [title: string, isStopped: boolean]> = [
  ['a control room killed with SIGKILL leaves no worker', false],
  ['not even a stopped worker outlives its control room', true],
];

for (const [title, isStopped] of parentDeaths) {
  test(title, { skip: process.platform !== 'linux' }, async () => {
    const parent = spawn(process.execPath, ['--input-type=module', '-e', LONE_CONTROL, home], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    const pid = Number(await new Promise((resolve) => parent.stdout.once('data', (chunk: Buffer) => resolve(chunk.toString()))));
    if (isStopped) {
      process.kill(pid, 'SIGSTOP');
      await until(() => stateOf(pid) === 'T');
    }
    parent.kill('SIGKILL');
    await once(parent, 'exit');
    await until(() => isGone(pid));
    assert.equal(readdirSync(join(home, 'run')).length, 1);
    await start([echo('echo')]);
    const folders = readdirSync(join(home, 'run'));
    assert.deepEqual([folders.length, folders[0]?.startsWith(`plinth-${process.pid}-`)], [1, true]);
  });
}

import assert from 'node:assert/strict';
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { chmod, mkdir, mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { createInterface } from 'node:readline';
import { afterEach, beforeEach, describe, test } from 'node:test';
import { startFileHost, type FileHost, type HostedFile } from '../../tests/support/file-host.ts';
import { hostedFile, offerRepository, repositoryUrl, writeAdder } from '../../tests/support/hosted-repository.ts';
import { draftTinyModel, writeGguf } from '../../tests/support/tiny-gguf.ts';

const MEBIBYTE = 1024 * 1024;
const REFERENCE = 'hf:org/repo/tiny.gguf';

/** A process that obtains a model, and what it said of it. */
interface Puller {
  readonly child: ChildProcess;
  readonly phases: Set<string>;
  readonly ended: Promise<unknown>;
  receivedBytes: number;
  result?: string;
}

describe('downloads of several processes', () => {
  let home: string;
  let host: FileHost;
  let file: HostedFile;
  const content = writeGguf(draftTinyModel(4 * MEBIBYTE), 7);
  const pullers: Puller[] = [];

  const pull = (reference: string, environment: NodeJS.ProcessEnv = {}): Puller => {
    const puller = startPuller(home, reference, { HF_ENDPOINT: host.url, ...environment });
    pullers.push(puller);
    return puller;
  };
  const storedFiles = async (): Promise<string[]> => readdir(join(home, 'models', 'blobs')).catch(() => []);

  beforeEach(async () => {
    home = await mkdtemp(join(tmpdir(), 'plinth-shared-'));
    host = await startFileHost();
    file = { content, etag: '"first"', pauseMs: 15 };
    host.files.set('/org/repo/resolve/main/tiny.gguf', file);
  });
  afterEach(async () => {
    for (const { child, ended } of pullers.splice(0)) {
      child.kill('SIGKILL');
      await ended;
    }
    await host.close();
    await rm(home, { recursive: true });
  });

  test('a download killed in the middle shows nothing and goes on where it was', async () => {
    const first = pull(REFERENCE);
    await until(() => first.receivedBytes > MEBIBYTE);
    first.child.kill('SIGKILL');
    await first.ended;
    assert.deepEqual(await storedFiles(), []);
    delete file.pauseMs;
    const second = pull(REFERENCE);
    await second.ended;
    assert.deepEqual(await readFile(second.result ?? ''), content);
    assert.match(host.requests.at(-1)?.range ?? '', /^bytes=[1-9]\d{5,}-$/);
  });

  test('two processes that want one file share one download, and the second sees how far it is', async () => {
    file.pauseMs = 100;
    const first = pull(REFERENCE);
    await until(() => first.receivedBytes > 0);
    const second = pull(REFERENCE);
    await until(() => second.phases.has('waiting') && second.receivedBytes > 0);
    delete file.pauseMs;
    await Promise.all([first.ended, second.ended]);
    assert.equal(host.requests.length, 1);
    assert.deepEqual(await readFile(first.result ?? ''), content);
    assert.equal(second.result, first.result);
    assert.equal(second.phases.has('downloading'), false);
    const locks = join(home, 'models', 'locks');
    const modes = await Promise.all((await readdir(locks)).map(async (name) => (await stat(join(locks, name))).mode & 0o777));
    assert.deepEqual(modes, [0o600], 'the lock is for its user only');
  });

  test('a process that waits takes over when the one at work is killed', async () => {
    const owner = pull(REFERENCE);
    await until(() => owner.receivedBytes > MEBIBYTE);
    const heir = pull(REFERENCE);
    await until(() => heir.phases.has('waiting'));
    owner.child.kill('SIGKILL');
    await heir.ended;
    assert.deepEqual(await readFile(heir.result ?? ''), content);
    assert.equal(host.requests.length, 2);
    assert.match(host.requests[1]?.range ?? '', /^bytes=[1-9]\d{5,}-$/);
  });

  test('a model of several files is shared and taken over like one file, and no folder is seen before it is whole', async () => {
    const graph = writeAdder(1);
    offerRepository(host, { 'onnx/model.onnx': graph, 'config.json': Buffer.from('{}') });
    host.files.set(repositoryUrl('onnx/model.onnx'), { ...hostedFile(graph), pauseMs: 200 });
    const folders = async (): Promise<string[]> => readdir(join(home, 'models', 'folders')).catch(() => []);
    const owner = pull('hf:org/repo');
    await until(() => owner.receivedBytes > MEBIBYTE);
    const heir = pull('hf:org/repo');
    await until(() => heir.phases.has('waiting'));
    host.files.set(repositoryUrl('onnx/model.onnx'), hostedFile(graph));
    owner.child.kill('SIGKILL');
    await owner.ended;
    assert.deepEqual(await folders(), []);
    await heir.ended;
    assert.deepEqual(await readFile(heir.result ?? ''), graph);
    assert.equal((await folders()).length, 1);
    assert.deepEqual(await readdir(join(home, 'models', 'partial')), []);
    const graphRequests = host.requests.filter((request) => request.path === repositoryUrl('onnx/model.onnx'));
    assert.equal(graphRequests.length, 2);
    assert.match(graphRequests[1]?.range ?? '', /^bytes=[1-9]\d{5,}-$/);
  });

  test('a package client ends with the process that started it, and its debris goes with the next attempt', async () => {
    const clientFolder = join(home, 'clients');
    await mkdir(clientFolder);
    const pidPath = join(home, 'client.pid');
    const script = `#!/bin/sh\necho draft > "$TMPDIR/draft.whl"\nsleep 600 &\necho $! > "${pidPath}.tmp"\nmv "${pidPath}.tmp" "${pidPath}"\nwait\n`;
    await writeFile(join(clientFolder, 'python3'), script);
    await chmod(join(clientFolder, 'python3'), 0o755);
    const reference = 'pypi:tiny==1.0/tiny.gguf';
    const puller = pull(reference, { PATH: [clientFolder, process.env['PATH']].join(delimiter) });
    await until(() => stat(pidPath).then(Boolean, () => false));
    const pid = Number(await readFile(pidPath, 'utf8'));
    puller.child.kill('SIGKILL');
    await until(async () => !(await isRunning(pid)));
    const partialFolder = join(home, 'models', 'partial');
    assert.equal(
      (await readdir(partialFolder)).some((name) => name.endsWith('.work')),
      true,
    );
    await writeFile(join(clientFolder, 'python3'), '#!/bin/sh\necho "ERROR: no such thing"\nexit 1\n');
    await pull(reference, { PATH: [clientFolder, process.env['PATH']].join(delimiter) }).ended;
    assert.deepEqual(await readdir(partialFolder), []);
  });
});

function startPuller(home: string, reference: string, environment: NodeJS.ProcessEnv): Puller {
  const door = (path: string) => JSON.stringify(new URL(path, import.meta.url).href);
  const program = `
    import { openBook } from ${door('./book/index.ts')};
    import { openModelStore } from ${door('./registry/index.ts')};
    import { createLogger } from ${door('../core/telemetry/index.ts')};
    const home = ${JSON.stringify(home)};
    const store = openModelStore({ home, book: await openBook({ home }), logger: createLogger({ level: 'silent' }) });
    const tell = (line) => process.stdout.write(JSON.stringify(line) + '\\n');
    const onProgress = ({ phase, receivedBytes }) => tell({ phase, receivedBytes });
    await store.obtain(${JSON.stringify(reference)}, { onProgress }).then(({ filePath }) => tell({ filePath }), () => process.exit(1));`;
  const child = spawn(process.execPath, ['--input-type=module', '-e', program], {
    stdio: ['ignore', 'pipe', 'inherit'],
    env: { ...process.env, ...environment },
  });
  const puller: Puller = { child, phases: new Set(), ended: once(child, 'close'), receivedBytes: 0 };
  createInterface({ input: child.stdout }).on('line', (line) => {
    const told: { phase?: string; receivedBytes?: number; filePath?: string } = JSON.parse(line);
    if (told.phase !== undefined) puller.phases.add(told.phase);
    puller.receivedBytes = Math.max(puller.receivedBytes, told.receivedBytes ?? 0);
    if (told.filePath !== undefined) puller.result = told.filePath;
  });
  return puller;
}

async function isRunning(pid: number): Promise<boolean> {
  const status = await readFile(`/proc/${pid}/status`, 'utf8').catch(() => '');
  return status !== '' && !/^State:\s+Z/m.test(status);
}

async function until(isDone: () => boolean | Promise<boolean>): Promise<void> {
  for (let attempt = 0; attempt < 600; attempt++) {
    if (await isDone()) return;
    await new Promise((resolve) => setTimeout(resolve, 25));
  }
  assert.fail('it did not come to be within 15 s');
}

import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { once } from 'node:events';
import { copyFile, mkdtemp, readFile, rename, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test, type TestContext } from 'node:test';
import { connect } from 'node:tls';
import { configSchema } from '../../core/config/index.ts';
import { createLogger, createMetrics } from '../../core/telemetry/index.ts';
import { TEST_KEYS } from '../gateway-under-test.ts';
import { FakeSnapshots } from '../fake-snapshots.ts';
import { startGateway, type Gateway } from '../index.ts';

interface SecureGateway {
  readonly gateway: Gateway;
  readonly folder: string;
  /** Settles at the first log line that contains this. */
  readonly logged: (text: string) => Promise<void>;
}

function makeCertificate(folder: string, name: string): void {
  const files = ['-keyout', join(folder, `${name}.key`), '-out', join(folder, `${name}.crt`)];
  const kind = [
    'req',
    '-x509',
    '-newkey',
    'ec',
    '-pkeyopt',
    'ec_paramgen_curve:prime256v1',
    '-nodes',
    '-days',
    '2',
    '-subj',
    `/CN=${name}`,
  ];
  execFileSync('openssl', [...kind, ...files], { stdio: 'ignore' });
}

async function openSecureGateway(context: TestContext, prepare: (folder: string) => Promise<unknown>): Promise<SecureGateway> {
  const folder = await mkdtemp(join(tmpdir(), 'tls-'));
  for (const name of ['first', 'second']) makeCertificate(folder, name);
  await prepare(folder);
  const lines: string[] = [];
  const watchers = new Set<() => void>();
  const write = (line: string): void => {
    lines.push(line);
    for (const look of watchers) look();
  };
  const gateway = await startGateway({
    config: configSchema.parse({
      port: 0,
      grpcPort: -1,
      tls: { certFile: join(folder, 'live.crt'), keyFile: join(folder, 'live.key') },
    }),
    snapshots: new FakeSnapshots([]),
    keys: TEST_KEYS,
    metrics: createMetrics(),
    logger: createLogger({ level: 'info', destination: { write } }),
  });
  context.after(async () => {
    await gateway.close();
    await rm(folder, { recursive: true });
  });
  const logged = (text: string): Promise<void> =>
    new Promise((resolve) => {
      const look = (): void => {
        if (lines.some((line) => line.includes(text))) resolve();
      };
      watchers.add(look);
      look();
    });
  return { gateway, folder, logged };
}

async function copyLive(folder: string, name: string): Promise<void> {
  await copyFile(join(folder, `${name}.key`), join(folder, 'live.key'));
  await copyFile(join(folder, `${name}.crt`), join(folder, 'live.crt'));
}

/** The common name of the certificate that new connections get. */
async function servedName(gateway: Gateway): Promise<string> {
  const socket = connect({ host: gateway.host, port: gateway.port, rejectUnauthorized: false });
  await once(socket, 'secureConnect');
  const name = socket.getPeerCertificate().subject.CN;
  socket.destroy();
  return String(name);
}

test('a gateway with a certificate speaks TLS, and new connections get a renewed certificate while old ones live on', async (context) => {
  const { gateway, folder, logged } = await openSecureGateway(context, (at) => copyLive(at, 'first'));
  assert.match(gateway.url, /^https:/);
  const old = connect({ host: gateway.host, port: gateway.port, rejectUnauthorized: false });
  await once(old, 'secureConnect');
  assert.equal(await servedName(gateway), 'first');
  await copyLive(folder, 'second');
  await logged('certificate replaced');
  assert.equal(await servedName(gateway), 'second');
  old.write('GET /livez HTTP/1.1\r\nHost: localhost\r\n\r\n');
  const [answer] = (await once(old, 'data')) as [Buffer];
  assert.match(answer.toString(), /^HTTP\/1\.1 200 /);
  old.destroy();
});

test('a certificate that does not load changes nothing and is logged, and the next good one is taken', async (context) => {
  const { gateway, folder, logged } = await openSecureGateway(context, (at) => copyLive(at, 'first'));
  await writeFile(join(folder, 'live.crt'), 'no certificate');
  await logged('the old one stays');
  assert.equal(await servedName(gateway), 'first');
  await copyLive(folder, 'second');
  await logged('certificate replaced');
  assert.equal(await servedName(gateway), 'second');
});

test('a certificate and a key that do not belong together are not taken', async (context) => {
  const { gateway, folder, logged } = await openSecureGateway(context, (at) => copyLive(at, 'first'));
  await writeFile(join(folder, 'live.crt'), await readFile(join(folder, 'second.crt')));
  await logged('do not belong together');
  assert.equal(await servedName(gateway), 'first');
});

test('certificates that are renewed by moving a symbolic link are followed', async (context) => {
  const { gateway, folder, logged } = await openSecureGateway(context, async (at) => {
    await symlink('first.crt', join(at, 'live.crt'));
    await symlink('first.key', join(at, 'live.key'));
  });
  for (const ending of ['key', 'crt']) {
    await symlink(`second.${ending}`, join(folder, `next.${ending}`));
    await rename(join(folder, `next.${ending}`), join(folder, `live.${ending}`));
  }
  await logged('certificate replaced');
  assert.equal(await servedName(gateway), 'second');
});

import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { copyFileSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { get } from 'node:https';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import type { TLSSocket } from 'node:tls';
import { configSchema } from '../../core/config/index.ts';
import { PlinthError } from '../../core/errors/index.ts';
import { createLogger } from '../../core/telemetry/index.ts';
import { openManagementPort, registerHealthRoutes, type ManagementPort } from './index.ts';

const silent = createLogger({ level: 'silent' });
let folder: string;

before(() => {
  folder = mkdtempSync(join(tmpdir(), 'management-'));
  for (const name of ['first', 'second']) {
    const kind = [
      'req',
      '-x509',
      '-newkey',
      'ec',
      '-pkeyopt',
      'ec_paramgen_curve:P-256',
      '-nodes',
      '-days',
      '2',
      '-subj',
      `/CN=${name}`,
    ];
    const files = [
      '-addext',
      'subjectAltName=IP:127.0.0.1',
      '-keyout',
      join(folder, `${name}.key`),
      '-out',
      join(folder, `${name}.pem`),
    ];
    execFileSync('openssl', [...kind, ...files], { stdio: 'ignore' });
  }
});

after(() => rmSync(folder, { recursive: true, force: true }));

function use(name: string): { readonly certFile: string; readonly keyFile: string } {
  const files = { certFile: join(folder, 'used.pem'), keyFile: join(folder, 'used.key') };
  copyFileSync(join(folder, `${name}.pem`), files.certFile);
  copyFileSync(join(folder, `${name}.key`), files.keyFile);
  return files;
}

function open(input: object): Promise<ManagementPort> {
  return openManagementPort({
    config: configSchema.parse({ managementPort: 0, ...input }),
    keyring: { verify: () => undefined },
    localToken: 'unused',
    logger: silent,
    mount: (app) => {
      registerHealthRoutes(app, { isReady: () => true });
      app.post('/echo/:name', ({ params, body }) => ({ params, body }));
    },
  });
}

/** The common name of the certificate that the port shows, after a call that succeeds. */
function commonName(url: string): Promise<string> {
  const ca = ['first', 'second'].map((name) => readFileSync(join(folder, `${name}.pem`)));
  return new Promise((resolve, reject) => {
    get(`${url}/livez`, { ca, agent: false }, (response) => {
      response.resume();
      assert.equal(response.statusCode, 200);
      resolve(String((response.socket as TLSSocket).getPeerCertificate().subject.CN));
    }).on('error', reject);
  });
}

test('the management port speaks TLS with the configured files and takes renewed ones into use', async () => {
  const port = await open({ tls: use('first') });
  assert.match(port.url, /^https:/);
  assert.equal(await commonName(port.url), 'first');
  use('second');
  while ((await commonName(port.url)) !== 'second') await sleep(100);
  await port.close();
});

const unusable: ReadonlyArray<readonly [title: string, change: (files: { certFile: string; keyFile: string }) => void]> = [
  ['a certificate without a file is refused by its path', ({ certFile }) => rmSync(certFile)],
  ['a certificate that is none is refused by its path', ({ certFile }) => writeFileSync(certFile, 'hello')],
  ["another certificate's key is refused", ({ keyFile }) => copyFileSync(join(folder, 'second.key'), keyFile)],
];

for (const [title, change] of unusable) {
  test(title, async () => {
    const files = use('first');
    change(files);
    const names = (error: unknown) => error instanceof PlinthError && error.message.includes(files.certFile);
    await assert.rejects(open({ tls: files }), names);
  });
}

test('the port may be opened beyond loopback behind a proxy when that is asked for', async () => {
  const port = await open({ managementHost: '0.0.0.0', security: { allowInsecureListen: true } });
  const { port: number } = new URL(port.url);
  assert.equal((await fetch(`http://127.0.0.1:${number}/livez`)).status, 200);
  await port.close();
});

test('bodies nested without end, with prototypes or too large are refused, and the port goes on', async () => {
  const port = await open({});
  const post = async (path: string, body: string) => {
    const headers = { authorization: 'Bearer unused', 'content-type': 'application/json' };
    const response = await fetch(`${port.url}${path}`, { method: 'POST', headers, body });
    return { status: response.status, text: await response.text() };
  };
  const deep = await post('/echo/a', '['.repeat(100_000) + ']'.repeat(100_000));
  assert.deepEqual([deep.status, /nested more than 64 deep/.test(deep.text)], [400, true]);
  assert.equal((await post('/echo/a', '{"__proto__":{"isAdmin":true}}')).status, 400);
  assert.equal((await post('/echo/a', '{"constructor":{"prototype":{}}}')).status, 400);
  assert.equal((await post('/echo/a', `"${'x'.repeat(1024 * 1024)}"`)).status, 413);
  const told = await post('/echo/a', JSON.stringify({ text: '[[{{"\\'.repeat(50) }));
  assert.equal(told.status, 200);
  const name = `${'org/'.repeat(30)}model`;
  const { text } = await post(`/echo/${encodeURIComponent(name)}`, '{}');
  assert.deepEqual(JSON.parse(text), { params: { name }, body: {} });
  await port.close();
});

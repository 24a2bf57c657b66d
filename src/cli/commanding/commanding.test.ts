import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { isUsageError } from '../terminal/index.ts';
import { chooseServe, type ServeFacts } from './choose-serve.ts';
import { collect, pathWith, readMappingFile, readNumber, readPairs, readSettings } from './index.ts';
import { readRemoteServe } from './remote-serve.ts';

const first = {
  pid: 7,
  url: 'http://127.0.0.1:8080',
  managementUrl: 'http://127.0.0.1:8081',
  grpcAddress: '127.0.0.1:8001',
  token: 't',
};
const second = { pid: 8, url: 'https://127.0.0.1:9080', managementUrl: 'http://127.0.0.1:9081', token: 'u' };

const choices: ReadonlyArray<readonly [title: string, facts: Omit<ServeFacts, 'home'>, expected: number | RegExp]> = [
  ['the only serve is meant', { running: [first] }, 7],
  ['a port of inference names a serve', { running: [first, second], wanted: 9080 }, 8],
  ['a port of management names a serve', { running: [first, second], wanted: 8081 }, 7],
  ['a port of gRPC names a serve', { running: [first, second], wanted: 8001 }, 7],
  [
    'without a serve it is said how to start one',
    { running: [] },
    /^Nothing is served from \/h\. `plinth serve` starts it; .*PLINTH_MANAGEMENT_URL/,
  ],
  [
    'of several serves one has to be named',
    { running: [first, second] },
    /^2 serves run from \/h; name one .*--serve 8080:\n {2}--serve 8080 .*\n {2}--serve 9080 /,
  ],
  [
    'a port that no serve has is told with those that there are',
    { running: [first], wanted: 1 },
    /^No serve of \/h has the port 1; these run:\n {2}--serve 8080 /,
  ],
];

for (const [title, facts, expected] of choices) {
  test(title, () => {
    const choice = chooseServe({ home: '/h', ...facts });
    if ('running' in choice) assert.equal(choice.running.pid, expected);
    else assert.match(choice.words, expected instanceof RegExp ? expected : /a serve/);
  });
}

const withKey = { env: { PLINTH_ADMIN_KEY: 'secret-key' } };
const remotes: ReadonlyArray<readonly [title: string, url: string, env: Record<string, string>, refusal: RegExp]> = [
  ['a management URL without a protocol', 'gpu-1:8081', withKey.env, /^--management-url: expected the URL/],
  ['a management URL of another protocol', 'ftp://gpu-1', withKey.env, /expected the URL/],
  ['a management URL with a password', 'http://me:pass@gpu-1:8081', withKey.env, /belongs into PLINTH_ADMIN_KEY/],
  ['a management URL without a key', 'http://gpu-1:8081', {}, /set PLINTH_ADMIN_KEY/],
  ['a key that breaks the line', 'http://gpu-1:8081', { PLINTH_ADMIN_KEY: 'a\r\nb' }, /no spaces/],
];

for (const [title, url, env, refusal] of remotes) {
  test(`${title} is refused without telling its secrets`, () => {
    assert.throws(
      () => readRemoteServe({ url, from: '--management-url' }, { env }),
      (error) =>
        error instanceof Error && isUsageError(error) && refusal.test(error.message) && !/pass@|secret-key/.test(error.message),
    );
  });
}

test('a serve elsewhere is asked at the origin of its URL, and has to prove its name', () => {
  const serve = readRemoteServe({ url: 'https://gpu-1:8081/path?x', from: 'X' }, withKey);
  assert.deepEqual(serve, {
    url: 'https://gpu-1:8081',
    managementUrl: 'https://gpu-1:8081',
    token: 'secret-key',
    isRemote: true,
  });
});

test('settings are JSON where they read as such, and a dot leads into a mapping', () => {
  const pairs = ['engine=echo', 'slots=4', 'upstream.url=http://x/v1?a=b', 'upstream.model=m', 'onnx={"spinning":"on"}'];
  assert.deepEqual(readSettings(pairs), {
    engine: 'echo',
    slots: 4,
    upstream: { url: 'http://x/v1?a=b', model: 'm' },
    onnx: { spinning: 'on' },
  });
});

for (const pairs of [['stable'], ['=3'], ['stable='], ['a=1', 'a=2']]) {
  test(`pairs such as ${pairs.join(' ')} are refused`, () => {
    assert.throws(
      () => readPairs(pairs, 'alias=version'),
      (error) => isUsageError(error),
    );
  });
}

test('a number is read whole or refused with its flag', () => {
  assert.equal(readNumber('2.5', '--minutes'), 2.5);
  for (const text of ['', ' ', '1x', 'Infinity'])
    assert.throws(() => readNumber(text, '--minutes'), /^CommanderError: --minutes: /);
});

test('a flag that is repeated gathers its values, and parameters that are absent leave no trace in a path', () => {
  assert.deepEqual(collect('b', collect('a')), ['a', 'b']);
  assert.equal(pathWith('/x', { model: undefined }), '/x');
  assert.equal(pathWith('/x', { model: 'a b', most: 3 }), '/x?model=a+b&most=3');
});

test('a file without a mapping at its top is refused by its name', () => {
  const folder = mkdtempSync(join(tmpdir(), 'plinth-mapping-'));
  const shell = { env: {} };
  const file = join(folder, 'plan.yaml');
  writeFileSync(file, 'judges: { errors: null }');
  assert.deepEqual(readMappingFile(file, shell), { judges: { errors: null } });
  for (const text of ['- 1', 'a: [', 'a: &x [1]\nb: *x', '']) {
    writeFileSync(file, text);
    assert.throws(
      () => readMappingFile(file, shell),
      (error) => isUsageError(error) && String(error).includes(file),
    );
  }
  assert.throws(() => readMappingFile(join(folder, 'none.yaml'), shell), /none\.yaml cannot be read: ENOENT/);
  rmSync(folder, { recursive: true });
});

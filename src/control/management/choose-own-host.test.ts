import assert from 'node:assert/strict';
import { test } from 'node:test';
import { isLoopback, isOwnHost } from './choose-own-host.ts';

const rows: ReadonlyArray<readonly [host: string | undefined, expected: boolean]> = [
  ['127.0.0.1:8081', true],
  ['127.9.9.9', true],
  ['localhost', true],
  ['LOCALHOST:8081', true],
  ['plinth.localhost', true],
  ['[::1]:8081', true],
  ['10.1.2.3:8081', true],
  ['ops.example.org:8081', true],
  ['evil.example.org', false],
  ['10.1.2.4', false],
  ['localhost.evil.org', false],
  ['127.0.0.1.evil.org', false],
  ['user@127.0.0.1', false],
  ['127.0.0.1:x', false],
  ['', false],
  [undefined, false],
];

for (const [host, expected] of rows) {
  test(`Host ${JSON.stringify(host)} ${expected ? 'is' : 'is not'} an own name`, () => {
    assert.equal(isOwnHost({ host, localAddress: '::ffff:10.1.2.3', allowedHosts: ['Ops.example.org'] }), expected);
  });
}

test('only loopback addresses and names count as loopback', () => {
  const hosts = ['127.0.0.1', '::1', '[::1]', 'localhost', '0.0.0.0', '::', '192.168.0.1', '127.evil.org'];
  assert.deepEqual(
    hosts.map((host) => isLoopback(host)),
    [true, true, true, true, false, false, false, false],
  );
});

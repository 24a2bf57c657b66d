import assert from 'node:assert/strict';
import { test } from 'node:test';
import { acceptLocalToken } from './accept-local-token.ts';

test('the token of this boot opens as the local admin when no key has that text', () => {
  const asked: string[] = [];
  const keys = acceptLocalToken(
    {
      verify: (presented) => {
        asked.push(presented);
        return presented === 'key' ? { keyId: 'k', role: 'inference' } : undefined;
      },
    },
    'token',
  );
  assert.deepEqual(keys.verify('token'), { keyId: 'local', role: 'admin' });
  assert.deepEqual(keys.verify('key'), { keyId: 'k', role: 'inference' });
  assert.equal(keys.verify('toke'), undefined);
  assert.equal(keys.verify(''), undefined);
  assert.deepEqual(asked, ['token', 'key', 'toke', '']);
});

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { configSchema } from '../../core/config/index.ts';
import { readDatabaseUrl, withoutNamedSecrets } from './read-database-url.ts';

const config = configSchema.parse({});
const named = configSchema.parse({ book: { urlVariable: 'PG_URL' } });

test('the address of the database is in the variable that the configuration names, and in no other', () => {
  assert.equal(readDatabaseUrl(config, { PLINTH_DATABASE_URL: 'postgres://a' }), 'postgres://a');
  assert.equal(readDatabaseUrl(config, { PLINTH_DATABASE_URL: '' }), undefined);
  assert.equal(readDatabaseUrl(named, { PG_URL: 'postgres://b', PLINTH_DATABASE_URL: 'postgres://a' }), 'postgres://b');
});

test('a variable that was named and is not set is refused instead of beginning another book', () => {
  const expected = { code: 'invalid_request', message: /book\.urlVariable names PG_URL, which is not set/ };
  assert.throws(() => readDatabaseUrl(named, { PLINTH_DATABASE_URL: 'postgres://a' }), expected);
  assert.throws(() => readDatabaseUrl(named, { PG_URL: '' }), expected);
});

test('programs that fetch models see none of the secrets that the configuration names', () => {
  const upstream = { url: 'https://host/v1', model: 'm', keyVariable: 'THEIR_KEY' };
  const { book, models } = configSchema.parse({
    book: { urlVariable: 'PG_URL' },
    models: ['smollm2', { name: 'far', upstream }],
  });
  assert.deepEqual(withoutNamedSecrets({ book, models }, { PG_URL: 'a', THEIR_KEY: 'b', HF_TOKEN: 'c', PATH: 'd' }), {
    HF_TOKEN: 'c',
    PATH: 'd',
  });
});

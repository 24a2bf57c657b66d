import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { test } from 'node:test';
import { chooseCurl } from './choose-curl.ts';

const options = { url: 'http://127.0.0.1:8080', model: "a'b", key: '$PLINTH_API_KEY' };

/** What a shell makes of the line, instead of calling curl. */
function readArguments(line: string): string[] {
  const script = line.replace(/^curl/, "printf '%s\\0'");
  return execFileSync('sh', ['-c', script], { env: { PLINTH_API_KEY: 'plk_x' } })
    .toString()
    .split('\0')
    .slice(0, -1);
}

test('the line survives a shell, quotes and all, with the key filled in from the environment', () => {
  const words = readArguments(chooseCurl({ ...options, capabilities: ['chat'] }));
  assert.deepEqual(words.slice(0, 4), ['-N', 'http://127.0.0.1:8080/v1/chat/completions', '-H', 'Authorization: Bearer plk_x']);
  const body: unknown = JSON.parse(words.at(-1) ?? '');
  assert.deepEqual(body, {
    model: "a'b",
    stream: true,
    temperature: 0,
    messages: [{ role: 'user', content: 'What is the capital of Germany?' }],
  });
});

test('a model that cannot chat is asked for what it can do', () => {
  assert.match(chooseCurl({ ...options, capabilities: ['completion'] }), /\/v1\/completions /);
  assert.match(chooseCurl({ ...options, capabilities: ['embed'] }), /\/v1\/embeddings /);
});

test('a certificate of its own is trusted by name', () => {
  const words = readArguments(
    chooseCurl({ ...options, url: 'https://127.0.0.1:8080', capabilities: ['chat'], certFile: '/a b/c.pem' }),
  );
  assert.deepEqual(words.slice(1, 3), ['--cacert', '/a b/c.pem']);
});

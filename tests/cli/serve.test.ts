import assert from 'node:assert/strict';
import { readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { makeHome, plinth, readRunFiles, start, startPlinth, until, whenReady, type Running } from './run-plinth.ts';

const home = makeHome();
let first: Running;

before(async () => {
  first = startPlinth(home, ['serve']);
  await until(() => (first.stdout().includes('Try it:') ? true : undefined));
});

after(async () => {
  first.child.kill('SIGTERM');
  await first.ended;
  home.remove();
});

test('the first boot prints address, model, key, management address and a line to paste, and nothing else on standard output', async () => {
  const { url, managementUrl } = await whenReady(home);
  const lines = first.stdout().split('\n');
  assert.match(lines[1] ?? '', /^Plinth is ready in \d+\.\d s$/);
  assert.ok(lines.includes(`  Address     ${url}`));
  assert.ok(lines.some((line) => /^ {2}Model {7}parrot {2}none, echo 1, 16 slots$/.test(line)));
  assert.ok(lines.some((line) => /^ {2}Key {9}plk_\S+ {2}shown once; `plinth keys create` makes another$/.test(line)));
  assert.ok(lines.includes(`  Management  ${managementUrl}`));
});

test('the printed line works when it is pasted', async () => {
  const line = first.stdout().split('Try it:')[1] ?? '';
  const { stdout, code } = await start(['sh', '-c', line], { env: home.env }).ended;
  assert.equal(code, 0);
  const content = [...stdout.matchAll(/"content":"([^"]*)"/g)].map((match) => match[1]).join('');
  assert.equal(content, 'What is the capital of Germany?');
  assert.ok(stdout.trimEnd().endsWith('data: [DONE]'));
});

test('standard error is JSON lines when it is no terminal, and holds no key', () => {
  const key = /plk_\S+/.exec(first.stdout())?.[0] ?? '';
  assert.ok(key.length > 40);
  for (const line of first.stderr().trim().split('\n')) JSON.parse(line);
  assert.ok(!first.stderr().includes(key));
});

test('a second serve of the same home keeps the key to itself and is found as well', async () => {
  const second = startPlinth(home, ['serve']);
  await until(() => (second.stdout().includes('Try it:') ? true : undefined));
  assert.match(second.stdout(), /Key {9}an existing one \(\$PLINTH_API_KEY below\)/);
  assert.ok(second.stdout().includes('"Authorization: Bearer $PLINTH_API_KEY"'));
  assert.equal(readRunFiles(home).length, 2);
  const rows: unknown = JSON.parse((await plinth(home, ['ps', '--json'])).stdout);
  assert.ok(Array.isArray(rows) && rows.length === 2);
  second.child.kill('SIGTERM');
  assert.equal((await second.ended).code, 0);
  assert.equal(readRunFiles(home).length, 1);
});

test('a key can be used from the moment it is printed, not after it is revoked, and its last use is kept when the serve ends', async () => {
  const other = makeHome();
  const serve = startPlinth(other, ['serve']);
  const { url } = await whenReady(other);
  const key = (await plinth(other, ['keys', 'create'])).stdout.trim();
  const ask = async () => (await fetch(`${url}/v1/models`, { headers: { authorization: `Bearer ${key}` } })).status;
  assert.equal(await ask(), 200);
  await plinth(other, ['keys', 'revoke', key]);
  assert.equal(await ask(), 401);
  serve.child.kill('SIGTERM');
  assert.equal((await serve.ended).code, 0);
  const facts: unknown = JSON.parse((await plinth(other, ['keys', 'list', '--json'])).stdout);
  assert.match(JSON.stringify(facts), /"lastUsedAt":\d+/);
  other.remove();
});

test('a key of the environment is used instead of a new one, and is not printed', async () => {
  const other = makeHome();
  const serve = startPlinth(other, ['serve'], { PLINTH_API_KEY: 'a-key-of-my-own-choice' });
  await until(() => (serve.stdout().includes('Try it:') ? true : undefined));
  assert.match(serve.stdout(), /Key {9}\$PLINTH_API_KEY, from the environment/);
  assert.ok(!(serve.stdout() + serve.stderr()).includes('a-key-of-my-own-choice'));
  const { url } = await whenReady(other);
  const answer = await fetch(`${url}/v1/models`, { headers: { authorization: 'Bearer a-key-of-my-own-choice' } });
  assert.equal(answer.status, 200);
  serve.child.kill('SIGTERM');
  await serve.ended;
  other.remove();
});

test('ps shows the replicas of what is running', async () => {
  const { stdout } = await plinth(home, ['ps']);
  assert.match(stdout, /^MODEL +VERSION +REPLICA +PID +STATE .*\nparrot +1 +r1 +\d+ +ready +.*http:\/\/127\.0\.0\.1:\d+\n$/);
});

test('a taken port is named with its setting and the way out', async () => {
  const { url, managementUrl } = await whenReady(home);
  const taken = await plinth(home, ['serve', '--port', new URL(url).port]);
  assert.equal(taken.code, 1);
  assert.match(taken.stderr, new RegExp(`plinth: .*${new URL(url).port}.*port`, 'i'));
  const managementTaken = await plinth(home, ['serve', '--management-port', new URL(managementUrl).port]);
  assert.equal(managementTaken.code, 1);
  assert.match(managementTaken.stderr, /managementPort/);
});

test('run answers from the running serve: an argument, a pipe, or both', async () => {
  const before = await countRequests();
  assert.equal((await plinth(home, ['run', 'parrot', 'hello', 'there'])).stdout, 'hello there\n');
  assert.equal((await plinth(home, ['run', 'parrot'], 'from a pipe\n')).stdout, 'from a pipe\n');
  assert.equal((await plinth(home, ['run', 'parrot', 'say:'], 'piped')).stdout, 'say:\n\npiped\n');
  assert.equal(await countRequests(), before + 3);
});

test('run gives one JSON object', async () => {
  const { stdout } = await plinth(home, [
    'run',
    'parrot',
    'hello',
    '--json',
    '--max-tokens',
    '1',
    '--seed',
    '7',
    '--temperature',
    '0',
  ]);
  const usage = { prompt_tokens: 2, completion_tokens: 1, total_tokens: 3 };
  assert.deepEqual(JSON.parse(stdout), { text: 'hel', finish_reason: 'length', usage });
});

test('run strips what a terminal would obey from the answer', async () => {
  const { stdout } = await plinth(home, ['run', 'parrot', 'a\u001b[31mb\u0007c']);
  assert.equal(stdout, 'a[31mbc\n');
});

test('run passes on why a request was refused', async () => {
  const { stderr, code } = await plinth(home, ['run', 'parrot', 'x', '--temperature', '9']);
  assert.match(stderr, /^plinth: .*temperature/);
  assert.equal(code, 1);
});

test('run starts a serve of its own where none has the model, and leaves nothing behind', async () => {
  const other = makeHome();
  assert.equal((await plinth(other, ['run', 'parrot', 'alone'])).stdout, 'alone\n');
  assert.deepEqual(readdirSync(join(other.path, 'run')), []);
  other.remove();
});

test('a model that cannot be had ends the serve with its reason', async () => {
  const { code, stdout, stderr } = await plinth(home, ['serve', 'smolm2']);
  assert.equal(code, 1);
  assert.match(stderr, /No model can be served\..*smolm2/);
  assert.equal(stdout, '');
});

test('a served model is not removed by accident', async () => {
  const { code, stderr } = await plinth(home, ['models', 'rm', 'parrot']);
  assert.equal(code, 1);
  assert.match(stderr, /parrot is being served at http/);
});

test('the run file is for its user only', async () => {
  const { managementUrl } = await whenReady(home);
  assert.equal(statSync(join(home.path, 'run', `${new URL(managementUrl).port}.json`)).mode & 0o777, 0o600);
});

async function countRequests(): Promise<number> {
  const { managementUrl, token } = await whenReady(home);
  const answer = await fetch(`${managementUrl}/metrics`, { headers: { authorization: `Bearer ${token}` } });
  const lines = (await answer.text()).split('\n').filter((line) => /^plinth_requests_total\{.*chat/.test(line));
  return lines.reduce((sum, line) => sum + Number(line.split(' ').at(-1)), 0);
}

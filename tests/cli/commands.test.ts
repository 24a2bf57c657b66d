import assert from 'node:assert/strict';
import { createServer } from 'node:net';
import { statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { parse } from 'yaml';
import { makeHome, plinth } from './run-plinth.ts';

const home = makeHome();
after(() => home.remove());

const statuses: ReadonlyArray<readonly [args: string, code: number, stdout: RegExp, stderr: RegExp]> = [
  ['--help', 0, /^Usage: plinth [\s\S]*Exit status: 0 done; 1 it failed; 2 /, /^$/],
  ['--version', 0, /^\d+\.\d+\.\d+\n$/, /^$/],
  ['serve --help', 0, /--limits-body-bytes <n> +largest request body \(default: 8388608\)/, /^$/],
  ['', 2, /^$/, /^Usage: plinth /],
  ['serv', 2, /^$/, /unknown command 'serv'\n\(Did you mean serve\?\)/],
  ['serve --prot 1', 2, /^$/, /unknown option '--prot'\n\(Did you mean --port\?\)/],
  ['serve --port abc', 2, /^$/, /^plinth: .*port: expected a whole number from 0 to 65535, got "abc" \(--port\)\n$/],
  ['serve --config /nowhere/x.yaml', 2, /^$/, /\/nowhere\/x\.yaml: the configuration file cannot be read/],
  ['config check', 0, /^The configuration is usable \(.*plinth\.yaml\)\.\n$/, /^$/],
  ['config check --log-level loud', 2, /^$/, /log\.level: expected one of trace, /],
  ['run parrot --seed x hi', 2, /^$/, /expected a number/],
  ['run parrot', 2, /^$/, /a prompt is needed: as an argument after the model, or through the pipe/],
  ['keys revoke nokey', 1, /^$/, /^plinth: There is no key "nokey"/],
  ['models show smolm2', 1, /^$/, /did you mean smollm2\?/],
  ['models rm nomodel', 1, /^$/, /There is no model "nomodel" in the store/],
  ['pull ftp://x/y.gguf', 1, /^$/, /^plinth: /],
  ['pull file:/nowhere/x.gguf', 1, /^$/, /\/nowhere\/x\.gguf/],
  ['ps', 0, /^$/, /^Nothing is served from this home/],
  ['completion csh', 2, /^$/, /Allowed choices are bash, zsh, fish/],
  ['completion bash', 0, /complete -o default -F _plinth plinth\n$/, /^$/],
];

for (const [args, code, stdout, stderr] of statuses) {
  test(`"plinth ${args}" ends with status ${code}`, async () => {
    const outcome = await plinth(home, args === '' ? [] : args.split(' '));
    assert.match(outcome.stderr, stderr);
    assert.match(outcome.stdout, stdout);
    assert.equal(outcome.code, code);
  });
}

test('the printed configuration is a file that means the same', async () => {
  const printed = await plinth(home, ['config', 'print', '--queue-length', '7']);
  assert.match(printed.stdout, /^ {2}length: 7 {2}# --queue-length$/m);
  assert.match(printed.stdout, /^port: 0 {2}# .*plinth\.yaml:1:1$/m);
  const json = await plinth(home, ['config', 'print', '--json', '--queue-length', '7']);
  assert.deepEqual(parse(printed.stdout), JSON.parse(json.stdout));
});

test('a key is printed once, alone on standard output, and can be revoked by what was printed', async () => {
  const made = await plinth(home, ['keys', 'create', '--label', 'for a test', '--admin']);
  const key = made.stdout.trim();
  const id = /^plk_([a-z0-9]+)_\S+$/.exec(key)?.[1] ?? '';
  assert.ok(made.stderr.includes(id));
  const listed = await plinth(home, ['keys', 'list']);
  assert.match(listed.stdout, new RegExp(`^${id} +for a test +admin +.*usable$`, 'm'));
  assert.ok(!listed.stdout.includes(key));
  assert.equal((await plinth(home, ['keys', 'revoke', key])).stdout, `Revoked ${id}.\n`);
  assert.match((await plinth(home, ['keys', 'revoke', id])).stderr, /was revoked before/);
  const facts: unknown = JSON.parse((await plinth(home, ['keys', 'list', '--json'])).stdout);
  assert.ok(Array.isArray(facts) && facts.length === 1);
  assert.ok(!JSON.stringify(facts).includes('hash'));
});

test('a home that cannot be used is named with what the system says', async () => {
  for (const command of [['keys', 'list'], ['serve']]) {
    const { code, stderr } = await plinth(home, [...command, '--home', join(home.path, 'plinth.yaml', 'below')]);
    assert.match(stderr, /^plinth: The home \/.*plinth\.yaml\/below cannot be used: ENOTDIR.* Set PLINTH_HOME /);
    assert.equal(code, 1);
  }
});

test('a serve that cannot announce itself ends instead of serving unseen', async () => {
  const blocked = makeHome();
  writeFileSync(join(blocked.path, 'run'), '');
  const { code, stderr } = await plinth(blocked, ['serve']);
  assert.match(stderr, /cannot be used: E|EEXIST|ENOTDIR/);
  assert.equal(code, 1);
  blocked.remove();
});

test('the book of keys is for its user only', () => {
  assert.equal(statSync(join(home.path, 'plinth.db')).mode & 0o777, 0o600);
});

test('models of the catalog are listed before they are fetched', async () => {
  const listed = await plinth(home, ['models', 'ls']);
  assert.match(listed.stdout, /^smollm2 +generate +98\.4 MB +no +Apache-2\.0 +/m);
  const shown: unknown = JSON.parse((await plinth(home, ['models', 'show', 'smollm2', '--json'])).stdout);
  assert.ok(typeof shown === 'object' && shown !== null && 'isStored' in shown && shown.isStored === false);
});

test('doctor finds this machine fit, and a taken port worth a failure', async () => {
  const taken = createServer();
  await new Promise<void>((done) => taken.listen(0, '127.0.0.1', done));
  const address = taken.address();
  const port = typeof address === 'object' && address !== null ? address.port : 0;
  const fit = await plinth(home, ['doctor', '--json']);
  assert.equal(fit.code, 0, fit.stdout);
  assert.match(fit.stdout, /"engine library",\s+"level": "ok"/);
  const unfit = await plinth(home, ['doctor', '--port', String(port)]);
  assert.match(unfit.stdout, /^fail {2}inference port {3}.*another program uses it\n +→ choose another with --port/m);
  assert.equal(unfit.code, 1);
  taken.close();
});

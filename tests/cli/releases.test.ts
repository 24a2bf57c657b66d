import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { stringify } from 'yaml';
import { makeHome, plinth, startPlinth, until, whenReady, type Outcome, type RunFile, type Running } from './run-plinth.ts';

const home = makeHome({ log: { level: 'warn' } });
let serve: Running;
let running: RunFile;

before(async () => {
  writeFileSync(join(home.path, 'bad.gguf'), 'no model');
  // The times of a machine that is busy with tests tell nothing of a version.
  const judges = { firstToken: null, interToken: null, tokensOut: null, similarity: null, perplexity: null, refusals: null };
  writeFileSync(join(home.path, 'calm.yaml'), stringify({ judges, leastObservations: 1 }));
  serve = startPlinth(home, ['serve']);
  running = await whenReady(home);
});

after(async () => {
  serve.child.kill('SIGTERM');
  await serve.ended;
  home.remove();
});

/** Runs a command line that must end with that status. */
async function run(line: string, code = 0): Promise<Outcome> {
  const outcome = await plinth(home, line.split(' '));
  assert.equal(outcome.code, code, `${line}\n${outcome.stdout}${outcome.stderr}`);
  return outcome;
}

/** Questions that change nothing, asked at the same time. */
function runAll<const Lines extends readonly string[]>(...lines: Lines): Promise<{ [L in keyof Lines]: Outcome }> {
  return Promise.all(lines.map((line) => run(line))) as Promise<{ [L in keyof Lines]: Outcome }>;
}

/** Asks once; the status, the version that answered and the id of the request. */
async function ask(model = 'parrot'): Promise<{ status: number; version: string | null; id: string }> {
  const answer = await fetch(`${running.url}/v1/chat/completions`, {
    method: 'POST',
    headers: { authorization: `Bearer ${running.token}`, 'content-type': 'application/json' },
    body: JSON.stringify({ model, messages: [{ role: 'user', content: 'say something' }] }),
  });
  await answer.text();
  const { headers, status } = answer;
  return { status, version: headers.get('x-plinth-version'), id: headers.get('x-request-id') ?? '' };
}

/** Asks until `work` is done; the statuses that were seen. */
async function under<T>(work: Promise<T>): Promise<{ result: T; statuses: ReadonlySet<number> }> {
  const statuses = new Set<number>();
  const state = { isDone: false };
  const done = work.finally(() => (state.isDone = true));
  while (!state.isDone) {
    statuses.add((await ask()).status);
    await new Promise((next) => setTimeout(next, 10));
  }
  return { result: await done, statuses };
}

test('a version is added without traffic, listed, shown, and given an alias', async () => {
  const added = await run('models add parrot --set engine=echo --set stepMs=1 --made-by hand');
  assert.equal(added.stdout, 'Added parrot:2; it takes no traffic yet.\n');
  assert.match(added.stderr, /^Next: plinth rollout start parrot --to 2 /);
  assert.match((await run('models alias parrot next=2')).stdout, /^parrot@next is version 2\n$/);
  const [listed, shown] = await runAll('models versions parrot', 'models show parrot:2');
  assert.match(listed.stdout, /^MODEL +VERSION +STATE +ALIASES +WEIGHT/);
  assert.match(listed.stdout, /^parrot +2 +\w+ +next +- /m);
  assert.match(listed.stdout, /^parrot +1 +ready +- +1 /m);
  assert.match(shown.stdout, /^made by +hand$/m);
  await until(async () => ((await ask('parrot@next')).status === 200 ? true : undefined));
});

test('an addition that waits ends when the version has answered, or says that nothing asks for it', async () => {
  const idle = await run('models add parrot --set engine=echo --wait');
  assert.match(idle.stdout, /^Nothing asks for parrot:3 to be loaded/m);
  await run('traffic set parrot --policy all --sticky request');
  const loaded = await run('models add parrot --set engine=echo --wait');
  assert.match(loaded.stdout, /^parrot:4 is loaded and has answered\.$/m);
  const broken = await run('models add parrot ./bad.gguf --wait', 1);
  assert.match(broken.stdout, /^parrot:5 cannot be loaded: .*GGUF/m);
});

test('shares are set and shown, and a version in use is not removed', async () => {
  const set = await run('traffic set parrot --weights 1=3,2=1');
  assert.match(set.stdout, /^ +2 +25 % +█+░+ +ready +next$/m);
  assert.match(
    (await run('models rm parrot:2', 1)).stderr,
    /^plinth: Version 2 of .parrot. is in use: alias next; a weight of 1/,
  );
  assert.deepEqual(JSON.parse((await run('traffic set parrot -w 1=1 --json')).stdout).traffic.weights, { 1: 1 });
  assert.equal((await run('models rm parrot:3')).stdout, 'Removed parrot:3; its number is not given again.\n');
});

test('a rollout that is watched ends promoted with status 0, and no request fails meanwhile', async () => {
  const line = 'rollout start parrot --to 2 --strategy canary --steps 50,100 --requests 5 -f calm.yaml --watch';
  const { result, statuses } = await under(plinth(home, line.split(' ')));
  assert.equal(result.code, 0, result.stdout + result.stderr);
  assert.match(result.stdout, /^\d\d:\d\d:\d\d {2}parrot 1 → 2 /);
  assert.match(result.stdout, /^Promoted: version 2 answers every request\.$/m);
  assert.match(result.stdout, /^errors +✔ pass/m);
  assert.deepEqual([...statuses], [200]);
  const { id, version } = await ask();
  assert.equal(version, 'parrot:2');
  const [receipt, document] = await runAll(`why ${id}`, `why ${id} --json`);
  assert.match(receipt.stdout, /^✔ answered by parrot, version 2 in /);
  assert.match(receipt.stdout, /^Version +parrot:2/m);
  assert.equal(JSON.parse(document.stdout).version, '2');
});

test('a rollout to a version that does not load fails with status 1, and says why', async () => {
  const { stdout } = await run('rollout start parrot --to 5 --watch', 1);
  assert.match(stdout, /^Failed: version 2 answers every request\.\nWhy: .*GGUF/m);
  assert.match((await run('rollout list parrot')).stdout, /failed[^]*promoted/);
});

test('a rollout is paused, explained, left alone by whoever stops watching it, and aborted', async () => {
  await run('rollout start parrot --to 4 --strategy canary --steps 50,100 --minutes 60 -f calm.yaml');
  await run('rollout pause parrot --reason lunch');
  const [status, why] = await runAll('rollout status parrot', 'rollout why parrot');
  assert.match(status.stdout, /^Paused: lunch$/m);
  assert.match(why.stdout, /^Why +paused: lunch$/m);
  const watching = startPlinth(home, ['rollout', 'status', 'parrot', '--watch']);
  await until(() => (watching.stdout().includes('paused: lunch') ? true : undefined));
  watching.child.kill('SIGINT');
  assert.equal((await watching.ended).code, 130);
  assert.equal((await run('rollout abort parrot')).stdout, 'Aborted: version 2 answers every request.\n');
  const [again, late] = await Promise.all([run('rollout status parrot --watch', 1), run('rollout pause parrot', 1)]);
  assert.match(again.stdout, /^parrot 2 → 4 {2}aborted\n/);
  assert.match(late.stderr, /has ended \(aborted\)/);
});

test('an experiment is started by flags, tells what it knows, and is stopped', async () => {
  const started = await run('experiment start parrot --arm old=2 --arm new=4:3 --metric duration --guard errors=0.5');
  assert.match(started.stdout, /^new +4 +75 % /m);
  await ask();
  const [status, list] = await runAll('experiment status parrot', 'experiment list');
  assert.match(status.stdout, /^old \(control\) +2 +25 % +\d+ /m);
  assert.match(list.stdout, /^x_[0-9a-f]{16} +parrot +running /m);
  const stopped = await run('experiment stop parrot --reason enough');
  assert.match(stopped.stdout, /^Stopped {2}enough$/m);
  const [units, none] = await Promise.all([run('experiment assignments parrot'), run('experiment status none', 1)]);
  assert.match(units.stdout, /^ROW +WHEN +UNIT|^Nobody was given/);
  assert.match(none.stderr, /'none' has no experiment/);
});

test('a release file is planned, applied as it was planned, and then asks for nothing', async () => {
  writeFileSync(join(home.path, 'release.yaml'), stringify({ models: { parrot: { aliases: { next: 4, stable: 2 } } } }));
  const [planned, differing] = await runAll('plan release.yaml', 'diff release.yaml');
  assert.match(planned.stdout, /^~ /m);
  const digest = /--digest ([0-9a-f]{64})/.exec(planned.stderr)?.[1] ?? '';
  assert.match(differing.stdout, /^- parrot\.aliases\.next: "2"\n\+ parrot\.aliases\.next: "4"$/m);
  assert.match((await run(`apply release.yaml --digest ${digest}`)).stdout, /^✔ /);
  const [idle, stale] = await Promise.all([run('plan release.yaml'), run(`apply release.yaml --digest ${digest}`, 1)]);
  assert.match(idle.stdout, /^Nothing to do/);
  assert.match(stale.stderr, /plan again/);
});

test('the audit log tells who moved what, captures that none are kept', async () => {
  const [audit, captures] = await runAll('audit parrot --most 100', 'captures parrot');
  assert.match(audit.stdout, /^ *\d+ .* local +version\.added +parrot:2 /m);
  assert.match(audit.stdout, /autopilot +rollout\.promoted +rollout r_\w+ +1 → 2 /);
  assert.match(captures.stdout, /^No requests of parrot are kept\.\n$/);
});

test('of several serves one has to be named, and a serve elsewhere is commanded with its URL and a key', async () => {
  const other = makeHome({ log: { level: 'warn' } });
  const { managementUrl, token } = running;
  const flags = ['models', 'versions', '--management-url', managementUrl];
  const wrong = { PLINTH_MANAGEMENT_URL: managementUrl, PLINTH_ADMIN_KEY: 'wrong' };
  const second = startPlinth(home, ['serve']);
  const [elsewhere, refused, none] = await Promise.all([
    startPlinth(other, flags, { PLINTH_ADMIN_KEY: token }).ended,
    startPlinth(other, ['rollout', 'list'], wrong).ended,
    plinth(other, ['rollout', 'list']),
  ]);
  assert.match(elsewhere.stdout, /^parrot +2 +ready /m);
  assert.match(refused.stderr, /^plinth: The key is not known/);
  assert.match(none.stderr, /^plinth: Nothing is served from .*PLINTH_MANAGEMENT_URL and PLINTH_ADMIN_KEY\.\n$/);
  assert.equal(none.code, 1);
  await until(() => (second.stdout().includes('Try it:') ? true : undefined));
  const { port } = new URL(running.url);
  const [unnamed, named] = await Promise.all([run('rollout list', 2), run(`models versions --serve ${port}`)]);
  assert.match(unnamed.stderr, /^plinth: 2 serves run from [^]*--serve \d+ +answers at /);
  assert.match(named.stdout, /^parrot +2 +ready /m);
  second.child.kill('SIGTERM');
  await second.ended;
  other.remove();
});

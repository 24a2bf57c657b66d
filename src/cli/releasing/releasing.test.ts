import assert from 'node:assert/strict';
import { test } from 'node:test';
import { openPaper } from '../../../tests/support/paper-terminal.ts';
import { isUsageError } from '../terminal/index.ts';
import { readVersionedName } from './index.ts';
import { lineSchema, type ShownVersion } from './line-document.ts';
import { drawDifferences, drawPlan, drawReport } from './plan-picture.ts';
import { readPolicy, readTraffic, type TrafficFlags } from './read-traffic.ts';
import { drawTraffic } from './traffic-picture.ts';
import { describeVersion, drawVersions } from './version-table.ts';

const read: ReadonlyArray<readonly [flags: TrafficFlags, expected: object]> = [
  [{ weights: '3=95, 4=5' }, { weights: { 3: 95, 4: 5 } }],
  [{ weights: 'none' }, { weights: {} }],
  [{ sticky: 'header:x-tenant' }, { sticky: { by: 'header', header: 'x-tenant' } }],
  [{ sticky: 'request' }, { sticky: { by: 'request' } }],
  [{ fallback: '3,@stable, other' }, { fallback: ['3', '@stable', 'other'] }],
  [
    { fallback: 'none', shadow: 'none' },
    { fallback: [], shadow: null },
  ],
  [{ shadow: '4=0.1' }, { shadow: { to: '4', share: 0.1 } }],
  [{}, {}],
];

for (const [flags, expected] of read) {
  test(`traffic flags ${JSON.stringify(flags)} read as ${JSON.stringify(expected)}`, () => {
    assert.deepEqual(readTraffic(flags), expected);
  });
}

for (const flags of [{ weights: '3' }, { weights: '3=x' }, { weights: '3=1,3=2' }, { sticky: 'moon' }, { shadow: '3=1,4=1' }]) {
  test(`traffic flags ${JSON.stringify(flags)} are refused`, () => {
    assert.throws(
      () => readTraffic(flags),
      (error) => isUsageError(error),
    );
  });
}

test('a flag wins over the file, and what only the file says stays', () => {
  const file = { rules: [{ when: { kinds: ['embed'] }, to: '3' }], weights: { 1: 1 } };
  assert.deepEqual(readTraffic({ weights: '2=1' }, file), { rules: file.rules, weights: { 2: 1 } });
});

test('a policy names how many, all or which versions', () => {
  assert.deepEqual(
    [readPolicy('latest:2'), readPolicy('all'), readPolicy('3, 4')],
    [{ latest: 2 }, { all: true }, { specific: ['3', '4'] }],
  );
  for (const text of ['latest', '', 'some'])
    assert.throws(
      () => readPolicy(text),
      (error) => isUsageError(error),
    );
});

test('only digits after the last colon of a name are a version', () => {
  assert.deepEqual(readVersionedName('org/chat:4'), { model: 'org/chat', version: '4' });
  for (const name of ['chat', 'chat:', 'chat@stable', 'chat:four', ':4']) assert.equal(readVersionedName(name), undefined);
});

const version = (number: string, fields: Partial<ShownVersion> = {}): ShownVersion => ({
  model: 'chat',
  version: number,
  state: 'ready',
  madeBy: 'added',
  addedBy: 'local',
  addedAt: 0,
  aliases: [],
  weight: null,
  ...fields,
});

const line = lineSchema.parse({
  model: 'chat',
  policy: { latest: 2 },
  aliases: { stable: '3' },
  traffic: {
    weights: { 3: 3, 4: 1 },
    sticky: { by: 'header', header: 'x-tenant' },
    rules: [{ when: { header: { name: 'x-tier', equals: 'gold' } }, to: '4' }],
    fallback: ['2', '@stable'],
    shadow: { to: '4', share: 0.1 },
  },
  versions: [version('4', { weight: 1 }), version('3', { weight: 3, aliases: ['stable'] }), version('1', { state: 'unloaded' })],
  rollout: { id: 'r_1', state: 'canary', candidate: '4', share: 0.05 },
});

test('the picture of traffic shows shares as bars and says in words what else decides', () => {
  assert.equal(
    drawTraffic(line, openPaper({ columns: 80 })),
    `chat
VERSION  SHARE                        STATE  ALIASES
      4   25 %  █████░░░░░░░░░░░░░░░  ready  -
      3   75 %  ███████████████░░░░░  ready  stable

rollout     r_1 gives 5 % to version 4 now; the weights wait for its end
sticky      requests of one value of x-tenant stay with one version
rules       header {"name":"x-tier","equals":"gold"} → 4
fallback    2, then @stable
shadow      copies of 10 % of requests go to version 4
policy      the latest 2 versions stay loaded
`,
  );
});

test('without weights it is said who answers', () => {
  const bare = { ...line, traffic: { ...line.traffic, weights: {}, rules: [], fallback: [] } };
  assert.match(drawTraffic(bare, openPaper()), /^chat {2}the highest version that is ready answers\n/);
});

test('a version that is not wanted is dim, one that failed red and with its reason', () => {
  const rows = [version('2', { state: 'failed', reason: 'it is no model' }), version('1', { state: 'unloaded' })];
  const drawn = drawVersions(rows, openPaper({ withStyles: true }));
  assert.match(drawn, /<red>failed {2}<\/red> .* it is no model /);
  assert.match(drawn, /<dim>unloaded<\/dim>/);
});

test('a version is told fact by fact, hostile text without controls', () => {
  const found = { engine: 'llama.cpp 1', precision: 'Q4_0', bytes: 98_362_432, sha256: 'ab' };
  const text = describeVersion(version('2', { found, madeBy: 'made\u001b[2J\nby hand', why: 'a weight of 1' }), openPaper());
  assert.match(text, /^state {6}ready: a weight of 1$/m);
  assert.match(text, /^size {7}98\.4 MB$/m);
  assert.match(text, /^made by {4}made by hand$/m);
});

const steps = [
  { action: 'add-version', words: 'add chat:4' },
  { action: 'set-policy', words: 'keep the latest 2 loaded' },
  { action: 'remove-version', words: 'remove chat:1' },
];

test('a plan marks what comes, what changes and what goes', () => {
  const plan = { digest: 'd', steps, differences: [], notes: ['chat.rollout: it is at 4 already'] };
  assert.equal(
    drawPlan(plan, openPaper()),
    '+ add chat:4\n~ keep the latest 2 loaded\n- remove chat:1\n! chat.rollout: it is at 4 already\n',
  );
  assert.match(drawPlan({ ...plan, steps: [], notes: [] }, openPaper()), /^Nothing to do/);
});

test('a report tells what was done before a step failed, and what was not begun', () => {
  const [done, failed, rest] = steps;
  assert.ok(done && failed && rest);
  const report = { done: [{ ...done, id: 'r_1' }], failed, remaining: [rest], notes: [] };
  assert.equal(drawReport(report, openPaper()), '✔ add chat:4 (r_1)\n✖ keep the latest 2 loaded\n· remove chat:1\n');
});

test('differences read as those of files', () => {
  const differences = [
    { path: 'chat.aliases.stable', from: '3', to: '4' },
    { path: 'chat.versions.5', to: { engine: 'echo' } },
  ];
  assert.equal(
    drawDifferences(differences, openPaper()),
    '- chat.aliases.stable: "3"\n+ chat.aliases.stable: "4"\n+ chat.versions.5: {"engine":"echo"}\n',
  );
  assert.equal(drawDifferences([], openPaper()), 'No differences.\n');
});

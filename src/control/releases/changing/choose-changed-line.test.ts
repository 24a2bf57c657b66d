import assert from 'node:assert/strict';
import { test } from 'node:test';
import { PlinthError, type ErrorCode } from '../../../core/errors/index.ts';
import { lineRecord, releaseView, rolloutRecord, versionRecord } from '../../../../tests/support/release-contents.ts';
import { chooseMovedAliases, chooseSetPolicy, chooseSetTraffic } from './choose-changed-line.ts';

const ORDER = { model: 'chat', actor: 'k1' };
const versions = [...['1', '2', '3'].map((version) => versionRecord('chat', version)), versionRecord('other', '1')];

function view(line: Parameters<typeof lineRecord>[1] = {}, other: Parameters<typeof lineRecord>[1] = {}) {
  return releaseView({ versions, lines: [lineRecord('chat', line), lineRecord('other', other)] });
}

function refusal(code: ErrorCode, words: RegExp) {
  return (error: unknown) => {
    assert.ok(error instanceof PlinthError);
    assert.equal(error.code, code, error.message);
    assert.match(error.message, words);
    return true;
  };
}

test('several aliases move and go in one change', () => {
  const before = view({ aliases: { stable: '1', old: '1' }, revision: 6 });
  const { line, change } = chooseMovedAliases(before, { ...ORDER, set: { stable: 3, next: '3' }, remove: ['old'] });
  assert.deepEqual(line.aliases, { stable: '3', next: '3' });
  assert.equal(line.revision, 7);
  assert.deepEqual(change?.audit, {
    actor: 'k1',
    action: 'alias.moved',
    subject: 'chat',
    detail: { aliases: { stable: { from: '1', to: '3' }, old: { from: '1' }, next: { to: '3' } } },
  });
});

test('an alias that points there already changes nothing', () => {
  assert.equal(chooseMovedAliases(view({ aliases: { stable: '1' } }), { ...ORDER, set: { stable: '1' } }).change, undefined);
});

test('an alias is refused when its version, its name or itself is missing', () => {
  const move = (order: object) => () => chooseMovedAliases(view({ aliases: { stable: '1' } }), { ...ORDER, ...order });
  assert.throws(move({ set: { stable: '9' } }), refusal('version_not_found', /alias stable: .*no version 9; it has 1, 2, 3/));
  assert.throws(move({ set: { '3x': '1' } }), refusal('invalid_request', /beginning with a letter/));
  assert.throws(move({ remove: ['constructor'] }), refusal('not_found', /no alias 'constructor'; it has stable/));
  assert.throws(move({ set: { stable: '2' }, remove: ['stable'] }), refusal('invalid_request', /set and removed at once/));
  assert.throws(move({ set: { stable: '2' }, revision: 0 }), refusal('stale_revision', /at revision 1/));
  assert.throws(() => chooseMovedAliases(view(), { ...ORDER, model: 'chta' }), refusal('model_not_found', /nearest: chat/));
});

test('an alias that a rule or another model needs stays', () => {
  const used = view({ aliases: { stable: '1' }, traffic: { fallback: ['@stable'] } }, { traffic: { fallback: ['chat@stable'] } });
  assert.throws(
    () => chooseMovedAliases(used, { ...ORDER, remove: ['stable'] }),
    refusal('conflict', /the fallback chain of chat; the fallback chain of other/),
  );
});

test('traffic that is left out stays as it is', () => {
  const before = view({ traffic: { weights: { '1': 1 }, fallback: ['2'], sticky: { by: 'request' } } });
  const { line, change } = chooseSetTraffic(before, { ...ORDER, traffic: { weights: { '1': 1, '2': 3 } }, known: [] });
  assert.deepEqual(line.traffic, { weights: { '1': 1, '2': 3 }, fallback: ['2'], sticky: { by: 'request' }, rules: [] });
  assert.deepEqual(change?.audit.detail, { from: { weights: { '1': 1 } }, to: { weights: { '1': 1, '2': 3 } } });
});

test('copies begin and end', () => {
  const begun = chooseSetTraffic(view(), { ...ORDER, traffic: { shadow: { to: 2, share: 0.5 } }, known: [] }).line;
  assert.deepEqual(begun.traffic.shadow, { to: '2', share: 0.5, mostConcurrent: 1, mostPerMinute: 600 });
  const contents = releaseView({ versions, lines: [begun] });
  assert.equal(chooseSetTraffic(contents, { ...ORDER, traffic: { shadow: null }, known: [] }).line.traffic.shadow, undefined);
});

const refused: ReadonlyArray<readonly [string, object, ErrorCode, RegExp]> = [
  ['weights of 0 only', { weights: { '1': 0 } }, 'invalid_request', /at least one weight/],
  ['a negative weight', { weights: { '1': -1 } }, 'invalid_request', /weights\.1/],
  ['a version that is not there', { weights: { '1': 1, '9': 1 } }, 'version_not_found', /weights: .*no version 9/],
  ['copies for a version that is not there', { shadow: { to: '9', share: 1 } }, 'version_not_found', /shadow/],
  ['an unknown field', { wieghts: {} }, 'invalid_request', /unknown field "wieghts"; did you mean weights/],
  [
    'an unknown field in a rule',
    { rules: [{ when: { kindz: [] }, to: '1' }] },
    'invalid_request',
    /rules\[0\]\.when: unknown field "kindz"; did you mean kinds/,
  ],
  [
    'a fallback version that is not there',
    { fallback: ['9'] },
    'invalid_request',
    /fallback chain: '9' names a version that chat has not/,
  ],
  ['a fallback alias that is not there', { fallback: ['@x'] }, 'invalid_request', /names an alias that chat has not/],
  ['an unknown model', { fallback: ['nobody'] }, 'invalid_request', /'nobody' names no model/],
  ['a version of another model that is not there', { fallback: ['other:3'] }, 'invalid_request', /other has not/],
  ['a fallback to itself', { fallback: ['chat'] }, 'invalid_request', /leads to the model itself/],
  ['a rule that leads nowhere', { rules: [{ when: { callers: ['k'] }, to: 'other@x' }] }, 'invalid_request', /rule 1: 'other@x'/],
];
for (const [name, traffic, code, words] of refused) {
  test(`refuses traffic with ${name}`, () => {
    assert.throws(() => chooseSetTraffic(view(), { ...ORDER, traffic, known: [] }), refusal(code, words));
  });
}

test('targets may be versions, aliases and models that are known elsewhere', () => {
  const fallback = [2, '@stable', 'other', 'other:1', 'folder', 'folder:4'];
  const order = { ...ORDER, traffic: { fallback }, known: ['folder'] };
  const { line } = chooseSetTraffic(view({ aliases: { stable: '1' } }), order);
  assert.deepEqual(line.traffic.fallback, ['2', '@stable', 'other', 'other:1', 'folder', 'folder:4']);
});

test('weights belong to a rollout while it runs, all else does not', () => {
  const moving = { ...view({ traffic: { weights: { '1': 1 } } }), rollouts: [rolloutRecord()] };
  const set = (traffic: object) => chooseSetTraffic(moving, { ...ORDER, traffic, known: [] });
  assert.throws(() => set({ weights: { '2': 1 } }), refusal('conflict', /belong to rollout r_1/));
  assert.deepEqual(set({ weights: { '1': 1 }, fallback: ['2'] }).line.traffic.fallback, ['2']);
});

test('a policy is set, and refused for what is not there', () => {
  const { line, change } = chooseSetPolicy(view(), { ...ORDER, policy: { specific: [1, '3'] } });
  assert.deepEqual(line.policy, { specific: ['1', '3'] });
  assert.deepEqual(change?.audit.detail, { from: 'latest 1', to: 'versions 1, 3' });
  assert.throws(() => chooseSetPolicy(view(), { ...ORDER, policy: { specific: ['4'] } }), refusal('version_not_found', /policy/));
  assert.throws(() => chooseSetPolicy(view(), { ...ORDER, policy: { latest: 0 } }), refusal('invalid_request', /latest/));
  assert.throws(
    () => chooseSetPolicy(view(), { ...ORDER, policy: { lates: 1 } }),
    refusal('invalid_request', /did you mean latest/),
  );
  assert.equal(chooseSetPolicy(view(), { ...ORDER, policy: { latest: 1 } }).change, undefined);
});

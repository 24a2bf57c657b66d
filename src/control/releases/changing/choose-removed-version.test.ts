import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { ReleaseContents } from '../../../core/records/index.ts';
import { lineRecord, releaseView, rolloutRecord, versionRecord } from '../../../../tests/support/release-contents.ts';
import { chooseRemovedVersion, type RemoveOrder } from './choose-removed-version.ts';

const versions = ['1', '2', '3'].map((version) => versionRecord('chat', version));
const ORDER: RemoveOrder = { model: 'chat', version: '2', actor: 'local', at: 9, versionsOfExperiment: () => ['2'] };

function view(line: Parameters<typeof lineRecord>[1] = {}, more: Partial<ReleaseContents> = {}) {
  return releaseView({ versions, lines: [lineRecord('chat', line)], ...more });
}

test('a version that nothing uses goes, with a change of its line', () => {
  const { change, line } = chooseRemovedVersion(view({ revision: 3 }), ORDER);
  assert.deepEqual(change.removeVersion, { model: 'chat', version: '2', at: 9 });
  assert.equal(line.revision, 4);
  assert.equal(change.audit.action, 'version.removed');
  assert.equal(change.audit.subject, 'chat:2');
});

const experiment = {
  id: 'e_1',
  model: 'chat',
  state: 'running',
  plan: {},
  evidence: {},
  startedBy: 'x',
  startedAt: 1,
  reason: '',
  revision: 1,
} as const;

test('everything that uses a version is named', () => {
  const line = {
    policy: { specific: ['2', '3'] },
    aliases: { stable: '2', next: '2' },
    traffic: { weights: { '2': 2, '1': 1 }, fallback: ['2'], rules: [{ when: { callers: ['k'] }, to: '2' }] },
  };
  const other = lineRecord('other', { traffic: { fallback: ['chat:2'] } });
  const contents = view(line, { rollouts: [rolloutRecord()], experiments: [experiment] });
  assert.throws(() => chooseRemovedVersion({ ...contents, lines: [...contents.lines, other] }, ORDER), {
    name: 'PlinthError',
    message:
      "Version 2 of 'chat' is in use: alias stable; alias next; a weight of 2; the policy (versions 2, 3); rule 1 of chat; the fallback chain of chat; the fallback chain of other; rollout r_1; experiment e_1.",
  });
});

test('an ended rollout uses nothing', () => {
  chooseRemovedVersion(view({}, { rollouts: [rolloutRecord({ state: 'rolled-back', endedAt: 3 })] }), ORDER);
});

test('a weight of 0 goes only where that is asked for', () => {
  const contents = view({ traffic: { weights: { '2': 0, '3': 1 } } });
  assert.throws(() => chooseRemovedVersion(contents, ORDER), /a weight of 0 \(force drops it\)/);
  const { line, change } = chooseRemovedVersion(contents, { ...ORDER, force: 'drop-idle-weight' });
  assert.deepEqual(line.traffic.weights, { '3': 1 });
  assert.deepEqual(change.audit.detail, { droppedWeight: 0 });
});

test('the version that answers by the policy stays while there are others', () => {
  assert.throws(() => chooseRemovedVersion(view(), { ...ORDER, version: '3' }), /in use: requests/);
  const last = releaseView({ versions: [versionRecord('chat', '3')], lines: [lineRecord('chat')] });
  assert.equal(chooseRemovedVersion(last, { ...ORDER, version: '3' }).change.removeVersion?.version, '3');
});

test('a version that is not there cannot go', () => {
  assert.throws(() => chooseRemovedVersion(view(), { ...ORDER, version: '8' }), /no version 8; it has 1, 2, 3/);
});

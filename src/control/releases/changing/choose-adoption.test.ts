import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { VersionRecord } from '../../../core/records/index.ts';
import { lineRecord, releaseView, rolloutRecord, versionRecord } from '../../../../tests/support/release-contents.ts';
import type { ReleaseView } from '../line-contents.ts';
import { chooseAdoption } from './choose-adoption.ts';

function configured(version: string, reference = 'a', more: Partial<VersionRecord> = {}): VersionRecord {
  return versionRecord('chat', version, { reference, settings: {}, addedBy: 'configuration', ...more });
}
const byHand = (version: string, reference = 'hand') =>
  versionRecord('chat', version, { reference, settings: {}, addedBy: 'local' });
const gone = (record: VersionRecord) => ({ ...record, removedAt: 1 });

type Expected = readonly [outcome: string, version: string, weights?: Record<string, number>];
const cases: ReadonlyArray<readonly [name: string, view: ReleaseView, expected: Expected]> = [
  ['a model without a line', releaseView(), ['added', '1', {}]],
  ['the same as recorded', releaseView({ versions: [configured('1')], lines: [lineRecord('chat')] }), ['unchanged', '1']],
  [
    'another source, nothing else there',
    releaseView({ versions: [configured('1', 'b')], lines: [lineRecord('chat')] }),
    ['added', '2', {}],
  ],
  [
    'other settings, nothing else there',
    releaseView({ versions: [configured('1', 'a', { settings: { slots: 2 } })], lines: [lineRecord('chat')] }),
    ['added', '2', {}],
  ],
  [
    'back to what an older version was',
    releaseView({ versions: [configured('1'), configured('2', 'b')], lines: [lineRecord('chat')] }),
    ['reused', '1', { '1': 1 }],
  ],
  [
    'another source, its own version pinned by a weight',
    releaseView({
      versions: [configured('1', 'b'), byHand('2')],
      lines: [lineRecord('chat', { traffic: { weights: { '1': 1 } } })],
    }),
    ['added', '3', { '3': 1 }],
  ],
  [
    'another source, somebody else’s version answers by weight',
    releaseView({
      versions: [configured('1', 'b'), byHand('2')],
      lines: [lineRecord('chat', { traffic: { weights: { '2': 1 } } })],
    }),
    ['held', '3', { '2': 1 }],
  ],
  [
    'another source, somebody else’s version answers by policy',
    releaseView({ versions: [configured('1', 'b'), byHand('2')], lines: [lineRecord('chat')] }),
    ['held', '3', { '2': 1 }],
  ],
  [
    'another source, requests are spread',
    releaseView({
      versions: [configured('1', 'b'), configured('2', 'b')],
      lines: [lineRecord('chat', { traffic: { weights: { '1': 1, '2': 1 } } })],
    }),
    ['held', '3', { '1': 1, '2': 1 }],
  ],
  [
    'another source, a rollout runs',
    releaseView({
      versions: [configured('1', 'b'), byHand('2')],
      lines: [lineRecord('chat', { traffic: { weights: { '1': 1 } } })],
      rollouts: [rolloutRecord()],
    }),
    ['held', '3', { '1': 1 }],
  ],
  [
    'another source, the policy names versions',
    releaseView({ versions: [configured('1', 'b')], lines: [lineRecord('chat', { policy: { specific: ['1'] } })] }),
    ['held', '2', { '1': 1 }],
  ],
  [
    'the same, promoted over by somebody else’s version',
    releaseView({ versions: [configured('1'), byHand('2')], lines: [lineRecord('chat', { traffic: { weights: { '2': 1 } } })] }),
    ['unchanged', '1'],
  ],
  [
    'removed by hand, others are there',
    { ...releaseView({ versions: [byHand('2')], lines: [lineRecord('chat')] }), removed: [gone(configured('1'))] },
    ['unchanged', '1'],
  ],
  [
    'what an older version was that was removed',
    {
      ...releaseView({ versions: [configured('2', 'b')], lines: [lineRecord('chat')] }),
      removed: [gone(configured('1'))],
    },
    ['added', '3', {}],
  ],
  [
    'what was added by hand and answers',
    releaseView({
      versions: [configured('1', 'b'), byHand('2', 'a')],
      lines: [lineRecord('chat', { traffic: { weights: { '2': 1 } } })],
    }),
    ['reused', '2', { '2': 1 }],
  ],
  [
    'what an older version was, somebody else’s version answers',
    releaseView({
      versions: [configured('1'), configured('2', 'b'), byHand('3')],
      lines: [lineRecord('chat', { traffic: { weights: { '3': 1 } } })],
    }),
    ['held', '1', { '3': 1 }],
  ],
  [
    'what an older version was, a version kept loaded beside',
    releaseView({
      versions: [configured('1'), configured('2', 'b'), byHand('3')],
      lines: [lineRecord('chat', { traffic: { weights: { '2': 1, '3': 0, '1': 0 } } })],
    }),
    ['reused', '1', { '1': 1, '3': 0 }],
  ],
  [
    'everything removed',
    { ...releaseView({ lines: [lineRecord('chat')] }), removed: [gone(configured('1')), gone(byHand('2'))] },
    ['added', '3', {}],
  ],
];

for (const [name, view, [outcome, version, weights]] of cases) {
  test(`what the configuration says is adopted: ${name}`, () => {
    const adoption = chooseAdoption(view, { model: 'chat', reference: 'a', settings: { stepMs: 0, failEvery: 0 } }, { at: 1 });
    assert.deepEqual([adoption.outcome, adoption.version], [outcome, version]);
    assert.deepEqual(adoption.change?.line?.traffic.weights, weights);
    const isThere = [...view.versions, ...view.removed].some((record) => record.version === version);
    assert.equal(adoption.change?.addVersion?.addedBy, isThere ? undefined : 'configuration');
  });
}

test('adopting twice changes nothing the second time', () => {
  const models = {
    model: 'chat',
    reference: '/m/a.gguf',
    settings: { slots: 3, stepMs: 0, failEvery: 0, onnx: { spinning: 'on' } },
  };
  const first = chooseAdoption(releaseView(), models, { at: 1 });
  assert.ok(first.change?.addVersion && first.change.line);
  const after = releaseView({ versions: [first.change.addVersion], lines: [first.change.line] });
  assert.equal(chooseAdoption(after, models, { at: 2 }).outcome, 'unchanged');
});

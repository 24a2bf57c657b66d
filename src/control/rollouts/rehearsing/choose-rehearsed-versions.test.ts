import assert from 'node:assert/strict';
import { test } from 'node:test';
import { PlinthError } from '../../../core/errors/index.ts';
import type { LineRecord, VersionRecord } from '../../../core/records/index.ts';
import { defaultTrafficPolicy } from '../../../core/traffic/index.ts';
import { chooseRehearsedVersions } from './choose-rehearsed-versions.ts';

const version = (model: string, number: string): VersionRecord => ({
  model,
  version: number,
  settings: {},
  madeBy: 'added',
  addedBy: 'local',
  addedAt: 1,
});
const versions = [version('chat', '1'), version('chat', '2'), version('chat', '10'), version('solo', '1')];
const line: LineRecord = {
  model: 'chat',
  policy: { latest: 1 },
  aliases: { next: '10' },
  traffic: { ...defaultTrafficPolicy, weights: { '1': 3, '2': 1 } },
  revision: 1,
};

test('the candidate is compared with the version that requests go to', () => {
  assert.deepEqual(chooseRehearsedVersions({ model: 'chat', to: '2' }, { versions, lines: [line] }), {
    baseline: '1',
    candidate: '2',
  });
  assert.deepEqual(chooseRehearsedVersions({ model: 'chat', to: '@next' }, { versions, lines: [line] }), {
    baseline: '1',
    candidate: '10',
  });
});

test('without weights the highest other version is the current one', () => {
  assert.deepEqual(chooseRehearsedVersions({ model: 'chat', to: '2' }, { versions, lines: [] }), {
    baseline: '10',
    candidate: '2',
  });
});

test('any two versions can be named', () => {
  assert.deepEqual(chooseRehearsedVersions({ model: 'chat', to: '1', from: '10' }, { versions, lines: [line] }), {
    baseline: '10',
    candidate: '1',
  });
});

for (const [what, wish, code] of [
  ['an unknown model', { model: 'other', to: '1' }, 'model_not_found'],
  ['an unknown version', { model: 'chat', to: '7' }, 'version_not_found'],
  ['an unknown alias', { model: 'chat', to: '@toString' }, 'version_not_found'],
  ['an unknown version to start from', { model: 'chat', to: '1', from: '7' }, 'version_not_found'],
  ['the same version twice', { model: 'chat', to: '1', from: '1' }, 'invalid_request'],
  ['the only version there is', { model: 'solo', to: '1' }, 'conflict'],
] as const) {
  test(`${what} is refused`, () => {
    assert.throws(
      () => chooseRehearsedVersions(wish, { versions, lines: [line] }),
      (error) => error instanceof PlinthError && error.code === code,
    );
  });
}

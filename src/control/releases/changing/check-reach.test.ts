import assert from 'node:assert/strict';
import { test } from 'node:test';
import { releaseView, versionRecord } from '../../../../tests/support/release-contents.ts';
import { PlinthError } from '../../../core/errors/index.ts';
import { chooseAddedVersion } from './choose-added-version.ts';

const LIBRARY = { settings: { engine: 'llama', library: '/tmp/evil' }, reference: 'smollm2' };
const UPSTREAM = { settings: { upstream: { url: 'https://theirs.example/v1', model: 'm', keyVariable: 'THEIR_KEY' } } };

function add(actor: string, order: object, view = releaseView()) {
  return chooseAddedVersion(view, { model: 'chat', at: 1, settings: {}, ...order, actor });
}

function isDenied(words: RegExp) {
  return (error: unknown) => error instanceof PlinthError && error.code === 'permission_denied' && words.test(error.message);
}

test('a key may not name code of this machine, its user and its configuration may', () => {
  for (const actor of ['k_1', 'folder', 'autopilot', ''])
    assert.throws(() => add(actor, LIBRARY), isDenied(/^chat:1: library names code that would run on this machine/));
  for (const actor of ['local', 'configuration']) assert.equal(add(actor, LIBRARY).version.settings['library'], '/tmp/evil');
});

test('a key may have a secret of the environment sent only where the owners of the machine have it sent', () => {
  const owned = (more: object = {}) =>
    releaseView({ versions: [versionRecord('far', '1', { settings: UPSTREAM.settings, ...more })] });
  const elsewhere = { settings: { upstream: { ...UPSTREAM.settings.upstream, url: 'https://evil.example/v1' } } };
  const another = { settings: { upstream: { ...UPSTREAM.settings.upstream, keyVariable: 'AWS_SECRET_ACCESS_KEY' } } };
  assert.throws(() => add('k_1', UPSTREAM), isDenied(/keyVariable names a secret of this machine/));
  for (const order of [elsewhere, another]) assert.throws(() => add('k_1', order, owned()), isDenied(/keyVariable/));
  assert.throws(() => add('k_1', UPSTREAM, owned({ addedBy: 'k_1' })), isDenied(/keyVariable/));
  assert.equal(add('k_1', UPSTREAM, owned()).version.addedBy, 'k_1');
  assert.equal(add('local', elsewhere).version.addedBy, 'local');
  const { keyVariable: _, ...open } = UPSTREAM.settings.upstream;
  assert.equal(add('k_1', { settings: { upstream: open } }).version.version, '1');
});

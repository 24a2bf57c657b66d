import assert from 'node:assert/strict';
import { test } from 'node:test';
import { PlinthError, type ErrorCode } from '../../../core/errors/index.ts';
import { lineRecord, releaseView, rolloutRecord, versionRecord } from '../../../../tests/support/release-contents.ts';
import { chooseAddedVersion, type AddOrder } from './choose-added-version.ts';

const ORDER: AddOrder = { model: 'chat', settings: { engine: 'echo' }, actor: 'local', at: 5 };

function refusal(code: ErrorCode, words: RegExp) {
  return (error: unknown) => {
    assert.ok(error instanceof PlinthError);
    assert.equal(error.code, code, error.message);
    assert.match(error.message, words);
    return true;
  };
}

const two = ['1', '2'].map((version) => versionRecord('chat', version));

test('the first version of a model is 1 and serves', () => {
  const { change, isHeld } = chooseAddedVersion(releaseView(), {
    ...ORDER,
    settings: {},
    reference: 'smollm2',
    madeBy: 'quantized',
  });
  assert.deepEqual(change.addVersion, {
    model: 'chat',
    version: '1',
    reference: 'smollm2',
    settings: {},
    madeBy: 'quantized',
    addedBy: 'local',
    addedAt: 5,
  });
  assert.equal(isHeld, false);
  assert.deepEqual(change.line?.traffic.weights, {});
  assert.equal(change.line?.revision, 1);
  assert.equal(change.audit.action, 'version.added');
  assert.equal(change.audit.subject, 'chat:1');
});

test('the next number is above every one that was ever given', () => {
  const view = releaseView({ versions: two });
  const removed = [versionRecord('chat', '11', { removedAt: 1 }), versionRecord('other', '40', { removedAt: 1 })];
  assert.equal(chooseAddedVersion({ ...view, removed }, ORDER).version.version, '12');
});

test('a given number is taken unless the model has or had it', () => {
  const view = { ...releaseView({ versions: two }), removed: [versionRecord('chat', '3', { removedAt: 1 })] };
  assert.equal(chooseAddedVersion(view, { ...ORDER, version: '9' }).version.version, '9');
  assert.throws(
    () => chooseAddedVersion(view, { ...ORDER, version: '2' }),
    refusal('conflict', /is there already.*next free one is 4/),
  );
  assert.throws(() => chooseAddedVersion(view, { ...ORDER, version: '3' }), refusal('conflict', /was removed/));
  assert.throws(() => chooseAddedVersion(view, { ...ORDER, version: '03' }), refusal('invalid_request', /whole number/));
});

test('a further version is held: the version that answers gets all weight in the same change', () => {
  const view = releaseView({ versions: two, lines: [lineRecord('chat', { revision: 4 })] });
  const { change, isHeld } = chooseAddedVersion(view, ORDER);
  assert.deepEqual([change.line?.traffic.weights, change.line?.revision, isHeld], [{ '2': 1 }, 5, true]);
  assert.deepEqual(chooseAddedVersion(view, { ...ORDER, serving: '1' }).line.traffic.weights, { '1': 1 });
  assert.deepEqual(chooseAddedVersion(view, { ...ORDER, serving: '8' }).line.traffic.weights, { '2': 1 });
});

test('weights that are there stay as they are when a version is held', () => {
  const view = releaseView({ versions: two, lines: [lineRecord('chat', { traffic: { weights: { '1': 3, '2': 1 } } })] });
  assert.deepEqual(chooseAddedVersion(view, ORDER).line.traffic.weights, { '1': 3, '2': 1 });
});

const served: ReadonlyArray<readonly [string, Parameters<typeof lineRecord>[1], Partial<AddOrder>, Record<string, number>]> = [
  ['the policy picks the newest', {}, {}, {}],
  ['a single weight moves to it', { traffic: { weights: { '2': 1 } } }, {}, { '3': 1 }],
  ['a weight of 0 stays beside it', { traffic: { weights: { '1': 0, '2': 1 } } }, {}, { '1': 0, '3': 1 }],
  ['a policy that would not pick it gives way to a weight', { policy: { specific: ['1'] } }, {}, { '3': 1 }],
];
for (const [name, line, order, weights] of served) {
  test(`a version that is to serve does: ${name}`, () => {
    const view = releaseView({ versions: two, lines: [lineRecord('chat', line)] });
    const { isHeld, line: after } = chooseAddedVersion(view, { ...ORDER, traffic: 'serve', ...order });
    assert.deepEqual([isHeld, after.traffic.weights], [false, weights]);
  });
}

test('a version below the newest that is to serve gets a weight', () => {
  const view = releaseView({ versions: [versionRecord('chat', '5')], lines: [lineRecord('chat')] });
  assert.deepEqual(chooseAddedVersion(view, { ...ORDER, version: '3', traffic: 'serve' }).line.traffic.weights, { '3': 1 });
});

test('a version cannot serve at once where requests are spread or a rollout runs', () => {
  const split = releaseView({ versions: two, lines: [lineRecord('chat', { traffic: { weights: { '1': 1, '2': 1 } } })] });
  assert.throws(
    () => chooseAddedVersion(split, { ...ORDER, traffic: 'serve' }),
    refusal('conflict', /spread over versions 2, 1/),
  );
  const moving = releaseView({ versions: two, lines: [lineRecord('chat')], rollouts: [rolloutRecord()] });
  assert.throws(() => chooseAddedVersion(moving, { ...ORDER, traffic: 'serve' }), refusal('conflict', /rollout r_1 from 1 to 2/));
  assert.equal(chooseAddedVersion(moving, ORDER).isHeld, true);
});

const refused: ReadonlyArray<readonly [string, Partial<AddOrder>, ErrorCode, RegExp]> = [
  [
    'an unknown field',
    { settings: { engine: 'echo', slotz: 3 } },
    'invalid_request',
    /chat:1: unknown field "slotz"; did you mean slots\?/,
  ],
  [
    'an unknown field inside',
    { settings: { onnx: { spining: 'on' } } },
    'invalid_request',
    /onnx: unknown field "spining"; did you mean spinning/,
  ],
  ['a name among settings', { settings: { name: 'x' } }, 'invalid_request', /must not have "name"/],
  ['a source among settings', { settings: { source: 'x' } }, 'invalid_request', /must not have "source"/],
  ['a wrong value', { settings: { slots: 0 } }, 'invalid_request', /slots: too small/],
  ['no source', { settings: {} }, 'invalid_request', /a source is needed/],
  ['echo with a source', { reference: 'smollm2' }, 'invalid_request', /no use with engine echo/],
  ['a path from somewhere', { settings: {}, reference: './a.gguf' }, 'invalid_request', /give an absolute one/],
  ['a source with a line break', { settings: {}, reference: 'a\nb' }, 'invalid_request', /control character/],
  [
    'a password in an address',
    { settings: { upstream: { url: 'https://u:p@h/v1', model: 'm' } } },
    'invalid_request',
    /must not hold a user/,
  ],
  ['an unknown parent', { parent: '7' }, 'version_not_found', /the parent of chat:1.*has no version 7; it has none/],
  ['a malformed name', { model: '../x' }, 'invalid_request', /letters, digits/],
  ['settings that are no mapping', { settings: 'x' }, 'invalid_request', /expected object/],
  ['another revision', { revision: 3 }, 'stale_revision', /is at revision 0/],
  ['words without end', { madeBy: 'x'.repeat(201) }, 'invalid_request', /1 to 200/],
];
for (const [name, order, code, words] of refused) {
  test(`refuses a version with ${name}`, () => {
    assert.throws(() => chooseAddedVersion(releaseView(), { ...ORDER, ...order }), refusal(code, words));
  });
}

test('a removed version may be the parent', () => {
  const view = { ...releaseView({ versions: two }), removed: [versionRecord('chat', '3', { removedAt: 1 })] };
  assert.equal(chooseAddedVersion(view, { ...ORDER, parent: '3' }).version.parent, '3');
});

test('what holds anyway is not recorded, and an absolute path becomes a reference', () => {
  const order = {
    ...ORDER,
    reference: '/models/a/../b.gguf',
    settings: { slots: 2, stepMs: 0, failEvery: 0, engine: undefined },
  };
  const { version } = chooseAddedVersion(releaseView(), order);
  assert.deepEqual(version.settings, { slots: 2 });
  assert.equal(version.reference, 'file:/models/b.gguf');
});

test('the audit names the source without what may be secret in it, and no values of settings', () => {
  const order = { ...ORDER, reference: 'https://user:word@host/m.gguf?token=abc#x', settings: { library: '/opt/lib' } };
  const { audit } = chooseAddedVersion(releaseView(), order).change;
  assert.equal(audit.detail['source'], 'https://host/m.gguf');
  assert.doesNotMatch(JSON.stringify(audit), /word|token|opt/);
});

const forms: ReadonlyArray<readonly [given: string, recorded: string]> = [
  ['file:///m/a%20b.gguf', 'file:/m/a b.gguf'],
  ['file:/m/a.gguf', 'file:/m/a.gguf'],
  ['FILE:/m/../a.gguf', 'file:/a.gguf'],
  ['hf:org/repo/a.gguf', 'hf:org/repo/a.gguf'],
];
for (const [given, recorded] of forms) {
  test(`one file has one reference: ${given}`, () => {
    const { version } = chooseAddedVersion(releaseView(), { ...ORDER, settings: {}, reference: given });
    assert.equal(version.reference, recorded);
  });
}

for (const reference of ['file:a.gguf', 'file:./a.gguf', '~/a.gguf', 'a.onnx', '..', 'file://elsewhere/a.gguf']) {
  test(`a source that is no absolute path is refused: ${reference}`, () => {
    assert.throws(
      () => chooseAddedVersion(releaseView(), { ...ORDER, settings: {}, reference }),
      refusal('invalid_request', /absolute|malformed/),
    );
  });
}

test('a given number leaves room for those that are counted up', () => {
  const far = '9'.repeat(15);
  const next = chooseAddedVersion(releaseView({ versions: [versionRecord('chat', far)] }), ORDER);
  assert.equal(next.version.version, `1${'0'.repeat(15)}`);
  assert.throws(
    () => chooseAddedVersion(releaseView(), { ...ORDER, version: '9'.repeat(18) }),
    refusal('invalid_request', /has 18 digits; at most 15/),
  );
});

test('no login in an address is recorded or shown, however the address is written', () => {
  for (const address of [
    'https:user:word@host/v1',
    'https:/user:word@host/v1',
    'https:\\\\user:word@host/v1',
    'https://:word@host/v1',
  ]) {
    const settings = { upstream: { url: address, model: 'm' } };
    assert.throws(
      () => chooseAddedVersion(releaseView(), { ...ORDER, settings }),
      refusal('invalid_request', /^chat:1: upstream\.url[: ]/),
    );
    const { change } = chooseAddedVersion(releaseView(), { ...ORDER, settings: {}, reference: address });
    assert.ok(!JSON.stringify(change.audit).includes('word'), JSON.stringify(change.audit));
  }
});

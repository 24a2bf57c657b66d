import assert from 'node:assert/strict';
import { test } from 'node:test';
import { PlinthError } from '../../core/errors/index.ts';
import { routedModel, routedReplica } from '../fake-snapshots.ts';
import { chooseVersion } from './choose-version.ts';

const MODELS = ['smollm2', 'tinyllama'].map((name) => routedModel({ name }));

test('a model answers to exactly its name', () => {
  assert.equal(chooseVersion({ name: 'tinyllama' }, MODELS), MODELS[1]);
});

const unknown: ReadonlyArray<readonly [name: string, message: RegExp]> = [
  ['smolm2', /'smolm2' does not exist\. Did you mean 'smollm2'\?$/],
  ['SMOLLM2', /Did you mean 'smollm2'\?$/],
  ['gpt-4o', /Served here: 'smollm2', 'tinyllama'\.$/],
  ['x'.repeat(10_000), /'x{100}…' does not exist/],
  ['__proto__', /does not exist/],
];

for (const [name, message] of unknown) {
  test(`the unknown model ${name.slice(0, 20)} is refused with a way on`, () => {
    assert.throws(
      () => chooseVersion({ name }, MODELS),
      (error) =>
        error instanceof PlinthError &&
        error.code === 'model_not_found' &&
        message.test(error.message) &&
        error.message.length < 300,
    );
  });
}

const VERSIONS = [
  routedModel({ version: '2' }),
  routedModel({ version: '10' }),
  routedModel({ version: '11', replicas: [routedReplica({ state: 'loading' })] }),
];

test('the highest version that is ready answers, or the one that is asked for', () => {
  assert.equal(chooseVersion({ name: 'echo' }, VERSIONS).version, '10');
  assert.equal(chooseVersion({ name: 'echo', version: '2' }, VERSIONS).version, '2');
  assert.equal(chooseVersion({ name: 'echo', version: '11' }, VERSIONS).version, '11');
});

test('a version that is missing is refused with those that are there', () => {
  assert.throws(
    () => chooseVersion({ name: 'echo', version: '3' }, VERSIONS),
    (error) => error instanceof PlinthError && error.code === 'version_not_found' && /11, 10, 2/.test(error.message),
  );
});

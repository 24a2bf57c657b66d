import assert from 'node:assert/strict';
import { test } from 'node:test';
import { PlinthError } from '../../core/errors/index.ts';
import { routedModel } from '../fake-snapshots.ts';
import { chooseVersion } from './choose-version.ts';

const MODELS = ['smollm2', 'tinyllama'].map((name) => routedModel({ name }));

test('a model answers to exactly its name', () => {
  assert.equal(chooseVersion('tinyllama', MODELS), MODELS[1]);
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
      () => chooseVersion(name, MODELS),
      (error) =>
        error instanceof PlinthError &&
        error.code === 'model_not_found' &&
        message.test(error.message) &&
        error.message.length < 300,
    );
  });
}

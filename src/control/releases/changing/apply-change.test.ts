import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { PlinthError } from '../../../core/errors/index.ts';
import type { ReleaseChange } from '../../../core/records/index.ts';
import { releaseView } from '../../../../tests/support/release-contents.ts';
import { chooseModelTraffic } from '../choose-model-traffic.ts';
import { lineOf, versionsOf, type ReleaseView } from '../line-contents.ts';
import { applyChange } from './apply-change.ts';
import { chooseAddedVersion } from './choose-added-version.ts';
import { chooseAdoption } from './choose-adoption.ts';
import { chooseMovedAliases, chooseSetPolicy, chooseSetTraffic } from './choose-changed-line.ts';
import { chooseRemovedVersion } from './choose-removed-version.ts';

const ORDER = { model: 'chat', actor: 'local', at: 1 };
const settings = { engine: 'echo' };

type Command = (view: ReleaseView) => { readonly change?: ReleaseChange };

const version = fc.constantFrom('1', '2', '3', '4', '5');
const command: fc.Arbitrary<Command> = fc.oneof(
  fc.constantFrom('hold' as const, 'serve' as const).map(
    (traffic): Command =>
      (view) =>
        chooseAddedVersion(view, { ...ORDER, settings, traffic }),
  ),
  fc.constantFrom('a', 'b').map(
    (reference): Command =>
      (view) =>
        chooseAdoption(view, { model: 'chat', reference, settings: {} }, { at: 1 }),
  ),
  version.map(
    (number): Command =>
      (view) =>
        chooseRemovedVersion(view, { ...ORDER, version: number, force: 'drop-idle-weight', versionsOfExperiment: () => [] }),
  ),
  fc.tuple(fc.constantFrom('stable', 'next'), version).map(
    ([alias, number]): Command =>
      (view) =>
        chooseMovedAliases(view, { ...ORDER, set: { [alias]: number } }),
  ),
  fc.constantFrom('stable', 'next').map(
    (alias): Command =>
      (view) =>
        chooseMovedAliases(view, { ...ORDER, remove: [alias] }),
  ),
  fc.dictionary(version, fc.constantFrom(0, 1, 3)).map(
    (weights): Command =>
      (view) =>
        chooseSetTraffic(view, { ...ORDER, traffic: { weights }, known: [] }),
  ),
  fc.constantFrom({ latest: 2 }, { all: true }, { specific: [1, 2] }).map(
    (policy): Command =>
      (view) =>
        chooseSetPolicy(view, { ...ORDER, policy }),
  ),
);

/** The view after a command; the same when it is refused. Anything but a refusal is a defect. */
function carryOut(view: ReleaseView, run: Command): ReleaseView {
  try {
    const { change } = run(view);
    return change === undefined ? view : applyChange(view, change);
  } catch (error) {
    assert.ok(error instanceof PlinthError, String(error));
    return view;
  }
}

test('whatever is commanded, weights have a sum above 0, all that is named exists, and numbers are given once', () => {
  fc.assert(
    fc.property(fc.array(command, { maxLength: 25 }), (commands) => {
      let view: ReleaseView = releaseView();
      for (const run of commands) {
        const before = lineOf(view, 'chat').revision;
        const next = carryOut(view, run);
        const line = lineOf(next, 'chat');
        const present = versionsOf(next, 'chat').map((record) => record.version);
        const weights = Object.entries(line.traffic.weights);
        assert.ok(weights.length === 0 || weights.some(([, weight]) => weight > 0));
        const named = [...weights.map(([number]) => number), ...Object.values(line.aliases)];
        assert.ok(named.every((number) => present.includes(number)));
        assert.equal(line.revision, before + (next === view ? 0 : 1));
        const ever = [...next.versions, ...next.removed].map((record) => record.version);
        assert.equal(new Set(ever).size, ever.length);
        view = next;
      }
    }),
  );
});

test('a held version gets nothing, however many are ready, until it is given weight', () => {
  fc.assert(
    fc.property(fc.array(command, { maxLength: 15 }), fc.uniqueArray(version), (commands, ready) => {
      const view = commands.reduce(carryOut, releaseView());
      const added = chooseAddedVersion(view, { ...ORDER, settings });
      if (!added.isHeld) return;
      const number = added.version.version;
      const after = applyChange(view, added.change);
      const previous = { traffic: chooseModelTraffic({ contents: view, model: 'chat', ready }), ready };
      const traffic = chooseModelTraffic({ contents: after, model: 'chat', ready: [...ready, number], previous });
      assert.ok(traffic.arms.length > 0);
      assert.ok(traffic.arms.every((arm) => arm.version !== number));
    }),
  );
});

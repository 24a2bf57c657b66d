import assert from 'node:assert/strict';
import { test } from 'node:test';
import { z } from 'zod';
import { PlinthError } from '../../../core/errors/index.ts';
import { lineRecord, releaseView, rolloutRecord, versionRecord } from '../../../../tests/support/release-contents.ts';
import type { ReleaseView } from '../line-contents.ts';
import { choosePlan } from './choose-plan.ts';
import { readReleaseFile } from './read-release-file.ts';
import { differencesOf, digestOf } from './release-plan.ts';

const forms = {
  rolloutPlan: z.strictObject({ patience: z.number().default(0) }),
  experimentPlan: z.strictObject({ arms: z.array(z.string()) }),
};
const facts = { known: [], servingVersion: () => undefined, versionsOfExperiment: () => [] };
const echo = { engine: 'echo' };
const versions = ['1', '2', '3'].map((version) => versionRecord('chat', version));

function plan(view: ReleaseView, chat: object, more: object = {}) {
  return choosePlan(view, readReleaseFile({ file: { models: { chat }, ...more } }, forms), facts);
}

function words(planned: ReturnType<typeof plan>): readonly string[] {
  return planned.steps.map(({ shown }) => shown.words);
}

function view(line: Parameters<typeof lineRecord>[1] = {}, more: Partial<ReleaseView> = {}): ReleaseView {
  return { ...releaseView({ versions, lines: [lineRecord('chat', line)] }), ...more };
}

test('a new line is set up in order: versions, policy, aliases, traffic, and its newest version answers', () => {
  const chat = {
    versions: { 2: { ...echo, slots: 2 }, 1: echo },
    policy: { latest: 2 },
    aliases: { stable: 1 },
    traffic: { fallback: ['@stable'] },
  };
  assert.deepEqual(words(plan(releaseView(), chat)), [
    'add version 1 of chat; it answers when it is ready',
    'add version 2 of chat; it answers when it is ready',
    'keep latest 2 of chat loaded (now latest 1)',
    'aliases of chat: stable → 1',
    'traffic of chat: {"fallback":["@stable"]} (now {"fallback":[]})',
  ]);
});

test('each step is made for the revision that the steps before it leave', () => {
  const { steps } = plan(view({ revision: 4 }), { versions: { 4: echo, 5: echo }, aliases: { next: 5 } });
  assert.deepEqual(
    steps.map(({ ordered }) => ('revision' in ordered.order ? ordered.order.revision : undefined)),
    [4, 5, 6],
  );
});

test('a version that is new to a line is held', () => {
  const [first] = words(plan(view(), { versions: { 4: { source: 'smollm2' } }, policy: { latest: 1 } }));
  assert.equal(first, 'add version 4 of chat from smollm2; held, without requests until weights or a rollout give it some');
});

test('of a new line with a rollout its target is held, whichever number it has', () => {
  const planned = plan(releaseView(), {
    versions: { 1: { ...echo, slots: 2 }, 2: echo },
    rollout: { to: 1, plan: { patience: 2 } },
  });
  assert.deepEqual(words(planned), [
    'add version 2 of chat; it answers when it is ready',
    'add version 1 of chat; held, without requests until weights or a rollout give it some',
    'start a rollout of chat from version 2 to version 1',
  ]);
});

test('a version that is there with the same contents needs nothing', () => {
  assert.deepEqual(plan(view(), { versions: { 1: { engine: 'echo', stepMs: 0 } } }).steps, []);
});

test('a version that is there with other contents is refused with every difference', () => {
  const has = [versionRecord('chat', '1', { reference: 'https://u:p@h/a.gguf', settings: { slots: 2 }, parent: '7' })];
  assert.throws(
    () => plan(releaseView({ versions: has }), { versions: { 1: { source: 'b', slots: 3, threads: 1, parent: 6 } } }),
    {
      message:
        "models.chat.versions.1: version 1 of 'chat' is there with other contents, and versions never change: source is https://h/a.gguf, the file says b; slots is 2, the file says 3; threads is nothing, the file says 1; parent is 7, the file says 6. Give the new contents a new number.",
    },
  );
});

test('what is wrong with several models is told at once', () => {
  const file = { models: { a: { aliases: { stable: 1 } }, b: { versions: { 1: echo }, traffic: { weights: { 2: 1 } } } } };
  assert.throws(
    () => choosePlan(releaseView(), readReleaseFile({ file }, forms), facts),
    (error) => {
      assert.ok(error instanceof PlinthError);
      assert.match(
        error.message,
        /^The file cannot be applied:\n {2}No version of a model 'a'.*\n {2}weights: .*'b' has no version 2/,
      );
      return true;
    },
  );
});

test('what the file does not have stays, unless it prunes', () => {
  const before = view({ aliases: { stable: '3', old: '1' }, traffic: { weights: { '3': 1, '1': 0 } } });
  const chat = { versions: { 3: echo }, aliases: { stable: 3 } };
  assert.deepEqual(plan(before, chat).steps, []);
  assert.deepEqual(words(plan(before, chat, { prune: true })), [
    'aliases of chat: old goes (now 1)',
    'remove version 2 of chat: the file does not have it',
    'remove version 1 of chat: the file does not have it',
  ]);
});

test('a version that is in use is not pruned, and the plan says by what', () => {
  assert.throws(
    () => plan(view({ traffic: { weights: { '2': 1 } } }), { versions: { 3: echo } }, { prune: true }),
    /Version 2 .* a weight of 1/,
  );
});

test('traffic that the file leaves out stays', () => {
  const [step] = plan(view({ traffic: { weights: { '2': 1 } } }), { traffic: { sticky: { by: 'request' } } }).steps;
  assert.deepEqual(step?.shown.to, { sticky: { by: 'request' } });
});

const rolloutCases: ReadonlyArray<readonly [name: string, view: ReleaseView, steps: number, note: RegExp | undefined]> = [
  ['none yet', view(), 1, undefined],
  ['it runs', view({}, { rollouts: [rolloutRecord({ candidate: '3' })] }), 0, /is running \(canary\)/],
  [
    'it was rolled back',
    view({}, { rollouts: [rolloutRecord({ candidate: '3', state: 'rolled-back', endedAt: 2 })] }),
    0,
    /not begun again/,
  ],
  [
    'it was promoted',
    view({}, { rollouts: [rolloutRecord({ candidate: '3', state: 'promoted', endedAt: 2 })] }),
    0,
    /r_1, promoted/,
  ],
  ['another has ended', view({}, { rollouts: [rolloutRecord({ candidate: '2', state: 'promoted', endedAt: 2 })] }), 1, undefined],
  ['all requests go there', view({ traffic: { weights: { '3': 1 } } }), 0, /has all requests already/],
];
for (const [name, before, steps, note] of rolloutCases) {
  test(`a rollout in the file starts at most once: ${name}`, () => {
    const planned = plan(before, { rollout: { to: 3 } });
    assert.equal(planned.steps.length, steps);
    assert.match(planned.notes.join(), note ?? /^$/);
  });
}

test('a rollout to somewhere else stands in the way', () => {
  assert.throws(
    () => plan(view({}, { rollouts: [rolloutRecord()] }), { rollout: { to: 3 } }),
    /while rollout r_1 to version 2 is running/,
  );
});

test('a rollout to a version that is not there is refused', () => {
  assert.throws(() => plan(view(), { rollout: { to: 9 } }), /no version 9; it has 1, 2, 3/);
});

test('an alias that the promotion took along is not moved back', () => {
  const rollouts = [rolloutRecord({ candidate: '2', state: 'promoted', endedAt: 3, plan: { aliases: ['stable'] } })];
  const before = view({ aliases: { stable: '2' }, traffic: { weights: { '2': 1 } } }, { rollouts });
  const planned = plan(before, { aliases: { stable: 1, other: 1 }, rollout: { to: 2 } });
  assert.deepEqual(words(planned), ['aliases of chat: other → 1']);
  assert.match(planned.notes.join('\n'), /alias stable of chat stays at version 2/);
  assert.deepEqual(words(plan(before, { aliases: { stable: 1 } })), ['aliases of chat: stable → 1 (now 2)']);
});

test('an experiment starts once', () => {
  const record = {
    id: 'e_1',
    model: 'chat',
    state: 'running',
    plan: { arms: ['x'] },
    evidence: {},
    startedBy: 'k',
    startedAt: 1,
    reason: 'over',
    revision: 1,
  } as const;
  const chat = { experiment: { arms: ['x'] } };
  assert.equal(plan(view(), chat).steps[0]?.shown.action, 'start-experiment');
  assert.deepEqual(plan(view({}, { experiments: [record] }), chat).steps, []);
  assert.match(plan(view({}, { experiments: [{ ...record, state: 'stopped' }] }), chat).notes.join(), /e_1: over/);
  assert.throws(
    () => plan(view({}, { experiments: [record] }), { experiment: { arms: ['y'] } }),
    /while experiment e_1 is running/,
  );
});

test('differences are single fields in the order of their paths', () => {
  const chat = { versions: { 4: echo }, aliases: { stable: 4 }, traffic: { fallback: [1] }, policy: { latest: 3 } };
  assert.deepEqual(
    differencesOf(plan(view({ aliases: { stable: '1' } }), chat)).map(({ path, from }) => [path, from]),
    [
      ['chat.aliases.stable', '1'],
      ['chat.policy', 'latest 1'],
      ['chat.traffic.fallback', []],
      ['chat.versions.4', undefined],
    ],
  );
});

test('the digest tells plans apart by what they do and by the lines that they are for', () => {
  const chat = { aliases: { stable: 1 } };
  const digest = digestOf(plan(view(), chat));
  assert.match(digest, /^[0-9a-f]{64}$/);
  assert.equal(digestOf(plan(view({}, { revision: 99 }), chat)), digest);
  assert.notEqual(digestOf(plan(view({ revision: 2 }), chat)), digest);
  assert.notEqual(digestOf(plan(view(), { aliases: { stable: 2 } })), digest);
});

test('a file of somebody who may not name code of this machine is refused before anything of it is done', () => {
  const chat = { versions: { 1: { source: 'smollm2' }, 2: { source: 'smollm2', library: '/opt/lib' } } };
  const file = readReleaseFile({ file: { models: { chat } } }, forms);
  for (const actor of [{ actor: 'k_1' }, {}])
    assert.throws(
      () => choosePlan(releaseView(), file, { ...facts, ...actor }),
      (error) => error instanceof PlinthError && error.code === 'permission_denied' && /library/.test(error.message),
    );
  assert.equal(choosePlan(releaseView(), file, { ...facts, actor: 'local' }).steps.length, 2);
});

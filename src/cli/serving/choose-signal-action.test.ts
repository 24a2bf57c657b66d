import assert from 'node:assert/strict';
import { test } from 'node:test';
import { chooseSignalAction, type ReceivedSignal, type StopSignal } from './choose-signal-action.ts';

type Step = readonly [signal: StopSignal, atMs: number];

const cases: ReadonlyArray<readonly [title: string, steps: readonly Step[], actions: readonly string[]]> = [
  ['the first signal drains', [['SIGTERM', 0]], ['drain']],
  [
    'a second SIGTERM changes nothing',
    [
      ['SIGTERM', 0],
      ['SIGTERM', 5000],
    ],
    ['drain', 'ignore'],
  ],
  [
    'one Ctrl-C that arrives twice counts once',
    [
      ['SIGINT', 0],
      ['SIGINT', 4],
    ],
    ['drain', 'ignore'],
  ],
  [
    'a second Ctrl-C exits',
    [
      ['SIGINT', 0],
      ['SIGINT', 4],
      ['SIGINT', 900],
      ['SIGINT', 904],
    ],
    ['drain', 'ignore', 'exit', 'ignore'],
  ],
  [
    'Ctrl-C after SIGTERM exits',
    [
      ['SIGTERM', 0],
      ['SIGINT', 800],
    ],
    ['drain', 'exit'],
  ],
  [
    'a held key counts from the press that counted',
    [
      ['SIGINT', 0],
      ['SIGINT', 200],
      ['SIGINT', 310],
    ],
    ['drain', 'ignore', 'exit'],
  ],
  [
    'a closed terminal drains',
    [
      ['SIGHUP', 0],
      ['SIGHUP', 1000],
    ],
    ['drain', 'ignore'],
  ],
];

for (const [title, steps, expected] of cases) {
  test(title, () => {
    let lastCounted: ReceivedSignal | undefined;
    const actions = steps.map(([signal, atMs]) => {
      const action = chooseSignalAction({ signal, atMs }, lastCounted);
      if (action !== 'ignore') lastCounted = { signal, atMs };
      return action;
    });
    assert.deepEqual(actions, expected);
  });
}

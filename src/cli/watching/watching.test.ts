import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { openPaper } from '../../../tests/support/paper-terminal.ts';
import { PlinthError } from '../../core/errors/index.ts';
import type { Shell } from '../terminal/index.ts';
import { follow, type Followed } from './index.ts';
import { openLivePicture } from './live-picture.ts';

const ESCAPE = String.fromCharCode(0x1b);
const PIECES = new RegExp(`${ESCAPE}\\[(\\d*)([AJK])|[^]`, 'gu');

/** What a terminal of that size shows after all of the text; lines that scrolled out are gone. */
function render(text: string, { columns, rows }: { readonly columns: number; readonly rows: number }): string[] {
  const lines: string[] = [''];
  let y = 0;
  let x = 0;
  const put = (character: string) => {
    if (x === columns) [x, y] = [0, y + 1];
    const line = (lines[y] ?? '').padEnd(x);
    lines[y] = line.slice(0, x) + character + line.slice(x + 1);
    x += 1;
  };
  for (const [whole, count, order] of text.matchAll(PIECES)) {
    if (order === 'A') y = Math.max(y - Number(count), Math.max(0, lines.length - rows));
    else if (order === 'K') lines[y] = (lines[y] ?? '').slice(0, Math.min(x, columns - 1));
    else if (order === 'J') lines.splice(y, Infinity, (lines[y] ?? '').slice(0, x));
    else if (whole === '\r') x = 0;
    else if (whole === '\n') [x, y] = [0, y + 1];
    else put(whole);
  }
  return Array.from(lines, (line: string | undefined) => (line ?? '').trimEnd());
}

test('whatever was drawn before, a terminal shows the last picture alone, below what stood there', () => {
  const line = fc.stringMatching(/^[a-z]{0,30}$/);
  const pictures = fc.array(fc.array(line, { minLength: 1, maxLength: 6 }), { minLength: 1, maxLength: 6 });
  fc.assert(
    fc.property(pictures, fc.integer({ min: 5, max: 40 }), (drawn, columns) => {
      const paper = openPaper({ columns, rows: 60 });
      paper.write('$\n');
      const picture = openLivePicture(paper);
      for (const lines of drawn) picture.draw(`${lines.join('\n')}\n`);
      const only = openPaper({ columns, rows: 60 });
      only.write(`$\n${(drawn.at(-1) ?? []).join('\n')}\n`);
      assert.deepEqual(trimEnd(render(paper.text(), { columns, rows: 60 })), trimEnd(render(only.text(), { columns, rows: 60 })));
      picture.clear();
      assert.deepEqual(trimEnd(render(paper.text(), { columns, rows: 60 })), ['$']);
    }),
  );
});

function trimEnd(lines: readonly string[]): readonly string[] {
  return lines.slice(0, lines.findLastIndex((line) => line !== '') + 1);
}

test('a picture that is higher than the terminal is cut, and says so', () => {
  const paper = openPaper({ columns: 20, rows: 5 });
  const picture = openLivePicture(paper);
  for (let i = 0; i < 3; i++) picture.draw(`${Array.from({ length: 9 }, (_, line) => `line ${line}`).join('\n')}\n`);
  assert.deepEqual(trimEnd(render(paper.text(), { columns: 20, rows: 5 })), ['line 0', 'line 1', 'line 2', '…']);
});

interface Step {
  readonly place: string;
  readonly isOver: boolean;
}

function followed(steps: ReadonlyArray<Step | Error>): Followed<Step> {
  let next = 0;
  return {
    read: () => {
      const step = steps[Math.min(next++, steps.length - 1)];
      return step instanceof Error || step === undefined ? Promise.reject(step ?? new Error('no step')) : Promise.resolve(step);
    },
    hasEnded: ({ isOver }) => isOver,
    draw: ({ place }) => `[${place}]\n`,
    describe: ({ place }) => `at ${place}`,
    stageOf: ({ place }) => place,
    pollMs: 1,
  };
}

function shellOn(out: ReturnType<typeof openPaper>): Shell {
  return { out, err: openPaper(), input: process.stdin, env: {} };
}

const at = (place: string): Step => ({ place, isOver: false });
const away = new PlinthError({ code: 'model_not_ready', message: 'It does not answer.' });

test('a pipe gets one line for each change, and the last state is returned', async () => {
  const paper = openPaper();
  const ended = await follow(shellOn(paper), followed([at('a'), at('a'), at('b'), { place: 'c', isOver: true }]));
  assert.equal(ended?.place, 'c');
  assert.deepEqual(
    paper
      .text()
      .replaceAll(/^\d\d:\d\d:\d\d {2}/gm, '')
      .split('\n'),
    ['at a', 'at b', ''],
  );
});

test('a serve that is away for a while is waited for', async () => {
  const paper = openPaper();
  const ended = await follow(shellOn(paper), followed([at('a'), away, away, at('a'), { place: 'c', isOver: true }]));
  assert.equal(ended?.place, 'c');
  assert.equal(paper.text().match(/It does not answer\. It is asked again/g)?.length, 1);
});

test('a serve that was never there, or says no, ends the watching', async () => {
  const refused = new PlinthError({ code: 'not_found', message: 'There is no such rollout.' });
  await assert.rejects(follow(shellOn(openPaper()), followed([away])), /does not answer/);
  await assert.rejects(follow(shellOn(openPaper()), followed([at('a'), refused])), /no such rollout/);
});

test('a pipe that nobody reads any more ends the watching', async () => {
  const before = process.exitCode;
  const gone = { ...openPaper(), isOpen: false };
  assert.equal(await follow(shellOn(gone), followed([at('a')])), undefined);
  assert.equal(process.exitCode, 130);
  process.exitCode = before;
});

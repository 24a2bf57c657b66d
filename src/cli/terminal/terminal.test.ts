import assert from 'node:assert/strict';
import { EventEmitter } from 'node:events';
import { test } from 'node:test';
import fc from 'fast-check';
import { cleanLine, cleanPiece, cleanText } from './clean-text.ts';
import { formatLogLine } from './pretty-log.ts';
import { formatProgressBar, formatProgressLine } from './progress-line.ts';
import { formatBytes, formatCount, formatDuration, formatShare } from './quantities.ts';
import { openStatusLine } from './status-line.ts';
import { formatTable } from './table.ts';
import { openTerminal } from './terminal.ts';
import { hangText } from './wrap-text.ts';

interface Screen {
  readonly isTTY?: boolean;
  readonly columns?: number;
  readonly env?: Readonly<Record<string, string>>;
}

class Recorder extends EventEmitter {
  text = '';
  readonly isTTY: boolean;
  readonly columns: number;
  constructor({ isTTY = false, columns = 0 }: Screen) {
    super();
    this.isTTY = isTTY;
    this.columns = columns;
  }
  write(text: string): void {
    this.text += text;
  }
}

function open(screen: Screen = {}) {
  const recorder = new Recorder(screen);
  return { recorder, terminal: openTerminal(recorder, screen.env ?? {}) };
}

const dirty: ReadonlyArray<readonly [title: string, text: string, cleaned: string]> = [
  ['colours go', '\u001b[31mred\u001b[0m', 'red'],
  ['a title of the window goes', '\u001b]0;owned\u0007text', 'text'],
  ['a link goes, its text stays', '\u001b]8;;http://x\u001b\\link\u001b]8;;\u001b\\', 'link'],
  ['the one-byte introducer goes', '\u009b2Jtext', 'text'],
  ['a carriage return cannot hide a line', 'good\rbad', 'goodbad'],
  ['direction overrides go', 'a\u202eb\u2066c', 'abc'],
  ['newlines, tabs and other scripts stay', 'a\n\tb é 漢 🙂', 'a\n\tb é 漢 🙂'],
  ['an unfinished title takes all that follows, as in a terminal', 'a\u001b]0;x', 'a'],
];

for (const [title, text, cleaned] of dirty) {
  test(`in text for a terminal, ${title}`, () => assert.equal(cleanText(text), cleaned));
}

test('nothing that a terminal obeys survives, wherever a text is cut', () => {
  const harmful = fc.constantFrom('\u001b', '\u009b', '[', '31m', ']0;', '\u0007', '\\', 'a', '\b', '\u007f', '\u0000');
  fc.assert(
    fc.property(fc.array(harmful), (pieces) => {
      const outputs = [pieces.map(cleanPiece).join(''), cleanText(pieces.join('')), cleanLine(pieces.join(''))];
      return outputs.every((output) => !/[\p{Cc}]/u.test(output));
    }),
  );
});

test('quantities read as a person writes them', () => {
  assert.deepEqual([0, 999, 1000, 98_362_432, 1e12].map(formatBytes), ['0 B', '999 B', '1.0 kB', '98.4 MB', '1.0 TB']);
  assert.deepEqual([134_515_008, 1_100_048_384, 999].map(formatCount), ['135M', '1.1B', '999']);
  const durations = [0, 850, 4210, 59_600, 65_000, 7_380_000, 273_600_000].map(formatDuration);
  assert.deepEqual(durations, ['0 ms', '850 ms', '4.2 s', '1 m 00 s', '1 m 05 s', '2 h 03 m', '3 d 04 h']);
});

test('a share is a percentage without digits that do not count', () => {
  assert.deepEqual([0, 0.005, 0.07, 1 / 3, 1].map(formatShare), ['0 %', '0.5 %', '7 %', '33.33 %', '100 %']);
});

test('a text hangs below its heading on a terminal, and is one line in a pipe', () => {
  const text = 'two more minutes and some more answers';
  const narrow = open({ isTTY: true, columns: 32, env: { NO_COLOR: '1' } }).terminal;
  assert.equal(hangText('Waits for  ', text, narrow), 'Waits for  two more minutes and\n           some more answers\n');
  assert.equal(hangText('Waits for  ', text, open().terminal), `Waits for  ${text}\n`);
});

test('words are never lost when a text is broken, and lines are no wider than the terminal where words allow it', () => {
  const words = fc.array(fc.stringMatching(/^[a-z]{1,12}$/), { minLength: 1 });
  fc.assert(
    fc.property(words, fc.integer({ min: 24, max: 80 }), (given, width) => {
      const { terminal } = open({ isTTY: true, columns: width, env: { NO_COLOR: '1' } });
      const lines = hangText('-> ', given.join(' '), terminal).trimEnd().split('\n');
      assert.ok(lines.every((line) => line.length <= width));
      assert.deepEqual(
        lines.flatMap((line) => line.slice(3).split(' ')),
        given,
      );
    }),
  );
});

const columns = [
  { title: 'NAME', isElastic: true as const, value: (row: { name: string; size?: number }) => row.name },
  { title: 'SIZE', align: 'right' as const, value: (row: { name: string; size?: number }) => row.size },
];

test('a table is aligned, and a dash stands for what is unknown', () => {
  const rows = [{ name: 'a', size: 12_345 }, { name: 'long\u001b[31m name' }];
  assert.equal(formatTable(rows, columns, open().terminal), 'NAME        SIZE\na          12345\nlong name      -\n');
});

test('a cell has the colour that its column gives it, spaces for alignment outside of the width', () => {
  const { terminal } = open({ env: { FORCE_COLOR: '1' } });
  const styled = { title: 'STATE', value: (row: { name: string }) => row.name, style: () => 'red' as const };
  assert.ok(formatTable([{ name: 'ok' }], [styled], terminal).endsWith('\n\u001b[31mok\u001b[39m\n'));
});

test('a table gives way on a narrow terminal only', () => {
  const rows = [{ name: 'x'.repeat(40), size: 1 }];
  const narrow = formatTable(rows, columns, open({ isTTY: true, columns: 20, env: { NO_COLOR: '1' } }).terminal);
  assert.deepEqual(
    narrow.split('\n').map((line) => line.length),
    [20, 20, 0],
  );
  assert.ok(formatTable(rows, columns, open({ columns: 20 }).terminal).includes('x'.repeat(40)));
});

test('a table leaves out its spare columns, the last one first, until it fits the terminal', () => {
  const digits = (title: string) => ({ title, isSpare: true as const, value: () => '1234567' });
  const wide = [...columns, digits('FIRST'), digits('SECOND')];
  const titlesAt = (width: number) => {
    const { terminal } = open({ isTTY: true, columns: width, env: { NO_COLOR: '1' } });
    return formatTable([{ name: 'a', size: 1 }], wide, terminal)
      .split('\n')[0]
      ?.split(/ +/);
  };
  assert.deepEqual(titlesAt(80), ['NAME', 'SIZE', 'FIRST', 'SECOND']);
  assert.deepEqual(titlesAt(20), ['NAME', 'SIZE', 'FIRST']);
  assert.deepEqual(titlesAt(12), ['NAME', 'SIZE']);
  assert.deepEqual(titlesAt(5), ['NAME', 'SIZE'], 'what is no spare stays');
});

test('colour is for terminals, unless it is forced or forbidden', () => {
  const painted = (screen: Screen) => open(screen).terminal.paint('red', 'x') !== 'x';
  assert.deepEqual(
    [
      {},
      { isTTY: true },
      { isTTY: true, env: { NO_COLOR: '1' } },
      { env: { FORCE_COLOR: '1' } },
      { isTTY: true, env: { TERM: 'dumb' } },
    ].map(painted),
    [false, true, false, true, false],
  );
});

test('a pipe that was closed is not written to again', () => {
  const { recorder, terminal } = open();
  recorder.emit('error', new Error('EPIPE'));
  terminal.write('x');
  assert.equal(recorder.text, '');
});

const progress = { label: 'm', receivedBytes: 41e6, totalBytes: 98e6, bytesPerSecond: 10e6 };

test('progress tells share, bytes, rate and time left', () => {
  assert.equal(formatProgressLine(progress), 'm: 41 %, 41.0 MB of 98.0 MB, 10.0 MB/s, 5.7 s left');
  assert.match(formatProgressBar(progress, 100), /^m {2}█{7}░{9} {2}41 % /);
  assert.equal(formatProgressLine({ ...progress, totalBytes: 0 }), 'm: 41.0 MB, 10.0 MB/s');
});

test('a progress bar never wraps', () => {
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 200 }), (width) => formatProgressBar(progress, width).length <= Math.max(1, width - 1)),
  );
});

test('without a terminal, progress is a plain line every tenth or five seconds, the last included', () => {
  const { recorder, terminal } = open();
  let nowMs = 0;
  const status = openStatusLine(terminal, () => nowMs);
  for (let percent = 0; percent <= 100; percent++) {
    nowMs += percent === 15 ? 6000 : 10;
    status.update({ label: 'm', receivedBytes: percent, totalBytes: 100 });
  }
  const percents = [...recorder.text.matchAll(/m: (\d+) %/g)].map((match) => Number(match[1]));
  assert.deepEqual(percents, [0, 10, 15, 20, 30, 40, 50, 60, 70, 80, 90, 100]);
  assert.ok(!recorder.text.includes('\r'));
});

test('a log line is written above the progress bar, which stays last', () => {
  const { recorder, terminal } = open({ isTTY: true, columns: 100 });
  const status = openStatusLine(terminal, () => 0);
  status.update({ label: 'm', receivedBytes: 1, totalBytes: 100 });
  status.writeAbove('note\n');
  assert.ok(recorder.text.includes('\r\u001b[Knote\nm  ░'));
  assert.match(recorder.text, / 1 %[^\n]*$/);
  status.clear();
  assert.ok(recorder.text.endsWith('\r\u001b[K'));
});

test('a log record reads as one line, with its stack below', () => {
  const { terminal } = open();
  const record = {
    level: 'warn',
    time: '2026-11-24T05:00:01.204Z',
    msg: 'odd\u001b[2J',
    model: 'a b',
    count: 2,
    err: { stack: 'Error: x\n    at y' },
  };
  assert.equal(
    formatLogLine(JSON.stringify(record), terminal),
    '05:00:01.204 warn  odd model="a b" count=2\n    Error: x\n    at y\n',
  );
  assert.equal(formatLogLine('no json\n', terminal), 'no json\n');
});

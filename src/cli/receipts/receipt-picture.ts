import { cleanLine, drawBar, formatDuration, formatTime, hangText, type Terminal } from '../terminal/index.ts';
import type { ShownReceipt, ShownReplica, ShownRoute } from './receipt-document.ts';

const BAR_WIDTH = 30;
const HEADING = 10;

/** A receipt that can be read in ten seconds: how it ended, which version and why, which replica and why, where the time went. */
export function drawReceipt(receipt: ShownReceipt, terminal: Terminal): string {
  const facts = (rows: ReadonlyArray<readonly [name: string, text: string]>) =>
    rows.map(([name, text]) => hangText(name.padEnd(HEADING), cleanLine(text), terminal)).join('');
  const sections = [
    drawAnswer(receipt, terminal),
    facts(receipt.routes.flatMap((route, i) => describeRoute(route, i, receipt))),
    facts(receipt.replica === undefined ? [] : describeReplica(receipt.replica, receipt.lostReplicas)),
    drawTimes(receipt, terminal),
  ];
  return `${sections
    .filter((section) => section !== '')
    .map((section) => section.trimEnd())
    .join('\n\n')}\n`;
}

function drawAnswer(receipt: ShownReceipt, terminal: Terminal): string {
  const { id, endpoint, at, status, outcome, failure, model, version, key, cache } = receipt;
  const isGood = outcome === 'ok';
  const from = model === undefined ? '' : ` by ${model}${version === undefined ? '' : `, version ${version}`}`;
  const words = isGood ? `answered${from} in ${formatDuration(receipt.times.totalMs)}` : `${outcome}${from}`;
  const sign = terminal.paint(isGood ? 'green' : 'red', isGood ? '✔' : '✖');
  const more = [`status ${status}`, ...(failure === undefined ? [] : [failure]), ...(cache === 'hit' ? ['from the cache'] : [])];
  const time = Date.parse(at);
  const when = Number.isNaN(time) ? at : formatTime(time);
  const caller = key === undefined ? '' : `, by key ${key}`;
  return [
    `${sign} ${terminal.paint('bold', cleanLine(words))} (${cleanLine(more.join(', '))})\n`,
    terminal.paint('dim', cleanLine(`${endpoint}, ${when}${caller}, ${id}`)),
    '\n',
  ].join('');
}

/** One stop on the way: what was chosen, by what, and among which. */
function describeRoute(
  route: ShownRoute,
  index: number,
  { routes }: ShownReceipt,
): ReadonlyArray<readonly [name: string, text: string]> {
  const { model, version, arm, why, purpose, unit, scores = [] } = route;
  const name = routes.length === 1 ? 'Version' : index === 0 ? 'Versions' : '';
  const place = `${index > 0 ? 'then ' : ''}${model}:${version}${arm === undefined ? '' : `, arm ${arm}`}`;
  const part = purpose === undefined || purpose.id === '' ? [] : ([['', `part of ${purpose.kind} ${purpose.id}`]] as const);
  const stick = unit === undefined ? [] : ([['', `stays together as unit ${unit}`]] as const);
  const sum = scores.reduce((total, { weight }) => total + weight, 0);
  const shares = scores.map((one) => {
    const share = sum === 0 ? '' : ` weight ${one.weight} of ${sum},`;
    const away = one.isServing ? '' : ', cannot answer';
    return ['', `${one.isPick ? '▸' : '·'} version ${one.version}:${share} score ${round(one.score)}${away}`] as const;
  });
  return [[name, `${place}: ${why}`], ...part, ...stick, ...(scores.length > 1 ? shares : [])];
}

function describeReplica(replica: ShownReplica, lost: number): ReadonlyArray<readonly [name: string, text: string]> {
  const { id, why, candidates, passedOver = [] } = replica;
  const seats = candidates.map(
    (one) =>
      [
        '',
        `${one.isPick ? '▸' : '·'} ${one.id}: ${one.inFlight} of ${one.slots} slots taken${one.wasLost ? ', was lost with this request' : ''}`,
      ] as const,
  );
  const others = passedOver.map((one) => ['', `· ${one.id}: passed over, ${one.because}`] as const);
  const losses = lost === 0 ? [] : ([['', `${lost} ${lost === 1 ? 'replica was' : 'replicas were'} lost on the way`]] as const);
  // Its second half is of losses, which have lines of their own.
  const [short = why] = lost === 0 ? why.split(';') : [why];
  return [['Replica', `${id ?? 'none'}: ${short}`], ...seats, ...others, ...losses];
}

/** Parts of the whole as bars under each other, so that the longest is seen at once. */
function drawTimes({ times, tokens }: ShownReceipt, terminal: Terminal): string {
  const { waitMs, queueMs, prefillMs, decodeMs, firstTokenMs, gapMs, totalMs } = times;
  const parts = [
    ['waiting for a replica', waitMs],
    ['waiting in it', queueMs],
    ['reading the prompt', prefillMs],
    ['writing the answer', decodeMs],
  ] as const;
  const known = parts.flatMap(([name, ms]) => (ms === undefined ? [] : [{ name, ms }]));
  const rows = known.map(({ name, ms }, i) => {
    const bar = drawBar(totalMs > 0 ? ms / totalMs : 0, BAR_WIDTH);
    return `${(i === 0 ? 'Time' : '').padEnd(HEADING)}${name.padEnd(22)} ${duration(ms).padStart(9)}  ${terminal.paint('cyan', bar)}\n`;
  });
  const whole = `${(known.length === 0 ? 'Time' : '').padEnd(HEADING)}${'all'.padEnd(22)} ${duration(totalMs).padStart(9)}\n`;
  const words = [
    ...(firstTokenMs === undefined ? [] : [`first token after ${duration(firstTokenMs)}`]),
    ...(gapMs === undefined ? [] : [`then one every ${duration(gapMs)}`]),
  ];
  const counts = describeTokens(tokens);
  return [
    ...rows,
    whole,
    ...(words.length === 0 ? [] : [`${' '.repeat(HEADING)}${words.join(', ')}\n`]),
    ...(counts === '' ? [] : [`${'Tokens'.padEnd(HEADING)}${counts}\n`]),
  ].join('');
}

function describeTokens(tokens: ShownReceipt['tokens']): string {
  if (tokens === undefined) return '';
  const { prompt, cached, completion } = tokens;
  const held = cached === undefined || cached === 0 ? '' : `, ${cached} of them from the cache`;
  return [
    ...(prompt === undefined ? [] : [`${prompt} read${held}`]),
    ...(completion === undefined ? [] : [`${completion} written`]),
  ].join(', ');
}

/** Short times with what counts of them. */
function duration(ms: number): string {
  return ms < 10 ? `${ms.toFixed(1)} ms` : formatDuration(ms);
}

function round(value: number): string {
  return String(Number(value.toPrecision(4)));
}

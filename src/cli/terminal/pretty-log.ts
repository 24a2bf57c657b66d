import { cleanLine } from './clean-text.ts';
import type { Style, Terminal } from './terminal.ts';

const LEVEL_STYLES: Readonly<Record<string, Style>> = {
  fatal: 'red',
  error: 'red',
  warn: 'yellow',
  info: 'green',
  debug: 'cyan',
  trace: 'dim',
};

/** One JSON line of the log as a person reads it: `12:00:01.204 info  message  key=value …`. What is no JSON passes unchanged. */
export function formatLogLine(line: string, terminal: Terminal): string {
  const record = parseRecord(line);
  if (record === undefined) return line;
  const { time, level, msg, err, ...rest } = record;
  const name = typeof level === 'string' ? level : 'info';
  const clock = typeof time === 'string' ? time.slice(11, 23) : '';
  const message = typeof msg === 'string' ? cleanLine(msg) : '';
  const fields = Object.entries(rest).map(([key, value]) => `${terminal.paint('dim', `${key}=`)}${formatField(value)}`);
  const head = [terminal.paint('dim', clock), terminal.paint(LEVEL_STYLES[name] ?? 'dim', name.padEnd(5)), message];
  return `${[...head, ...fields].filter((part) => part !== '').join(' ')}${formatStack(err)}\n`;
}

function parseRecord(line: string): Record<string, unknown> | undefined {
  try {
    const value: unknown = JSON.parse(line);
    return typeof value === 'object' && value !== null && !Array.isArray(value) ? { ...value } : undefined;
  } catch {
    return undefined;
  }
}

function formatField(value: unknown): string {
  const text = cleanLine(typeof value === 'string' ? value : (JSON.stringify(value) ?? ''));
  return typeof value === 'string' && /\s/.test(text) ? JSON.stringify(text) : text;
}

function formatStack(err: unknown): string {
  if (typeof err !== 'object' || err === null) return '';
  const words = 'message' in err && typeof err.message === 'string' ? err.message : JSON.stringify(err);
  const stack = 'stack' in err && typeof err.stack === 'string' ? err.stack : words;
  return stack
    .split('\n')
    .map((line) => `\n    ${cleanLine(line)}`)
    .join('');
}

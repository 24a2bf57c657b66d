import type { JinjaEnvironment } from './jinja-library.ts';
import { TemplateLimitError, templateLimits, TemplateRefusal, type FuelMeter } from './template-limits.ts';

const months = 'January February March April May June July August September October November December'.split(' ');
const days = 'Sunday Monday Tuesday Wednesday Thursday Friday Saturday'.split(' ');

/** Names that every template knows, in place of the library's own: those are not bounded, and one reads the clock. */
export function declareGlobals(environment: JinjaEnvironment, meter: FuelMeter, now: Date): void {
  for (const [name, value] of [
    ['true', true],
    ['false', false],
    ['none', null],
    ['True', true],
    ['False', false],
    ['None', null],
  ] as const) {
    environment.set(name, value);
  }
  environment.set('raise_exception', (words: unknown) => {
    throw new TemplateRefusal(
      typeof words === 'string' ? words.slice(0, 300) : 'The conversation does not fit the chat template.',
    );
  });
  environment.set('range', (...bounds: unknown[]) => boundedRange(meter, bounds));
  environment.set('strftime_now', (format: unknown) => {
    if (typeof format !== 'string' || format.length > 256) throw new TemplateLimitError('asks for a date in no short format');
    return formatTime(format, now);
  });
}

/** Python's `range`. */
function boundedRange(meter: FuelMeter, bounds: readonly unknown[]): number[] {
  const numbers = bounds.filter((bound) => typeof bound === 'number' && Number.isSafeInteger(bound)).map(Number);
  const [first = 0, second, step = 1] = numbers;
  if (numbers.length !== bounds.length || numbers.length === 0 || step === 0)
    throw new Error('range() takes one to three whole numbers');
  const [start, stop] = second === undefined ? [0, first] : [first, second];
  const count = Math.max(0, Math.ceil((stop - start) / step));
  if (count > templateLimits.rangeItems)
    throw new TemplateLimitError(`asks for a range of more than ${templateLimits.rangeItems} items`);
  meter.burn(count);
  return Array.from({ length: count }, (_, index) => start + index * step);
}

/** Python's `strftime` in the C locale, local time; unknown directives stay as they are. */
function formatTime(format: string, now: Date): string {
  const two = (value: number): string => String(value).padStart(2, '0');
  const month = months[now.getMonth()] ?? '';
  const day = days[now.getDay()] ?? '';
  const parts: Readonly<Record<string, string>> = {
    Y: String(now.getFullYear()),
    y: two(now.getFullYear() % 100),
    m: two(now.getMonth() + 1),
    B: month,
    b: month.slice(0, 3),
    d: two(now.getDate()),
    A: day,
    a: day.slice(0, 3),
    H: two(now.getHours()),
    I: two(((now.getHours() + 11) % 12) + 1),
    M: two(now.getMinutes()),
    S: two(now.getSeconds()),
    p: now.getHours() < 12 ? 'AM' : 'PM',
    '%': '%',
  };
  return format.replace(/%([A-Za-z%])/g, (written, letter: string) => parts[letter] ?? written);
}

import type { Call } from '../inference-door.ts';
import { refuseSetting, requireAdmin } from './settings-text.ts';

/** All trace settings by Triton's names; `trace_level` is a list. */
export type TraceValues = Readonly<Record<string, string | readonly string[]>>;

/** What a dialect has read: the values of each setting, or null to give up an own value. */
export type TraceChange = Readonly<Record<string, readonly string[] | null>>;

interface Overrides {
  trace_rate?: string | undefined;
  trace_count?: string | undefined;
  log_frequency?: string | undefined;
}

type NumberSetting = keyof Overrides;

const START: Readonly<Record<NumberSetting, string>> = { trace_rate: '1000', trace_count: '-1', log_frequency: '0' };
const RANGES: Readonly<Record<NumberSetting, readonly [low: number, high: number]>> = {
  trace_rate: [0, 2 ** 32 - 1],
  trace_count: [-1, 2 ** 31 - 1],
  log_frequency: [0, 2 ** 32 - 1],
};
const MOST_MODELS = 1024;

/**
 * Trace settings of the platform (model name '') and of single models. Requests are not traced here: the level stays `OFF`, and any
 * other is refused by name.
 */
export class TraceSettings {
  readonly #overrides = new Map<string, Overrides>();

  get(model: string): TraceValues {
    const [all, own] = [this.#overrides.get(''), this.#overrides.get(model)];
    const valueOf = (name: NumberSetting): string => own?.[name] ?? all?.[name] ?? START[name];
    return {
      trace_level: ['OFF'],
      trace_rate: valueOf('trace_rate'),
      trace_count: valueOf('trace_count'),
      log_frequency: valueOf('log_frequency'),
      trace_file: '',
      trace_mode: 'triton',
    };
  }

  /** Throws `permission_denied`, `invalid_request` or `unsupported_capability`; nothing has changed then. */
  update(model: string, change: TraceChange, call: Call): TraceValues {
    requireAdmin(call);
    const next: Overrides = { ...this.#overrides.get(model) };
    for (const [name, values] of Object.entries(change)) changeOne(next, name, values);
    if (!this.#overrides.has(model) && this.#overrides.size >= MOST_MODELS)
      throw refuseSetting(`at most ${MOST_MODELS} models may have trace settings of their own`);
    this.#overrides.set(model, next);
    return this.get(model);
  }
}

function changeOne(next: Overrides, name: string, values: readonly string[] | null): void {
  if (name === 'trace_file')
    throw refuseSetting('trace file location can not be updated through network protocol', 'unsupported_capability');
  if (name === 'trace_level') checkLevels(values ?? []);
  else if (isNumberSetting(name)) {
    next[name] = values === null ? undefined : readNumber(name, values);
  } else if (name !== 'trace_mode') throw refuseSetting(`unknown trace setting '${name.slice(0, 64)}'`);
  else throw refuseSetting('trace mode can not be updated through network protocol', 'unsupported_capability');
}

function isNumberSetting(name: string): name is NumberSetting {
  return Object.hasOwn(RANGES, name);
}

function checkLevels(levels: readonly string[]): void {
  if (levels.length > 1 && levels.includes('OFF')) throw refuseSetting("Expect only one trace level 'OFF' is specified");
  const other = levels.find((level) => level !== 'OFF');
  if (other !== undefined) {
    const message = `trace level '${other.slice(0, 64)}' is not supported, only 'OFF' is`;
    throw refuseSetting(message, 'unsupported_capability');
  }
}

function readNumber(name: NumberSetting, values: readonly string[]): string {
  const [text = '', ...rest] = values;
  if (rest.length > 0) throw refuseSetting(`expect only 1 value for '${name}'`);
  if (!/^-?\d{1,12}$/.test(text)) throw refuseSetting(`Unable to parse '${name}', got: ${text.slice(0, 64)}`);
  const [low, high] = RANGES[name];
  const value = Number(text);
  if (value >= low && value <= high) return String(value);
  throw refuseSetting(`Unable to parse '${name}', value is out of range [ ${low}, ${high} ], got: ${text}`);
}

import type { Logger } from '../../../core/telemetry/index.ts';
import type { Call } from '../inference-door.ts';
import { refuseSetting, requireAdmin } from './settings-text.ts';

/** All log settings by Triton's names. */
export interface LogValues {
  readonly log_file: string;
  readonly log_info: boolean;
  readonly log_warning: boolean;
  readonly log_error: boolean;
  readonly log_verbose_level: number;
  readonly log_format: string;
}

/** Log settings that work on the product's own log: the least severe kind that is on decides. */
export class LogSettings {
  readonly #logger: Logger;
  #values: LogValues;

  constructor(logger: Logger) {
    this.#logger = logger;
    const level = SEVERITY.indexOf(logger.level);
    this.#values = {
      log_file: '',
      log_info: level >= SEVERITY.indexOf('info'),
      log_warning: level >= SEVERITY.indexOf('warn'),
      log_error: level >= SEVERITY.indexOf('error'),
      log_verbose_level: Math.max(0, level - SEVERITY.indexOf('info')),
      log_format: 'default',
    };
  }

  get(): LogValues {
    return this.#values;
  }

  /**
   * Null and absent leave a setting as it is. Throws `permission_denied`, `invalid_request`, `unsupported_capability` or
   * `model_unavailable`; nothing has changed then.
   */
  update(change: Readonly<Record<string, unknown>>, call: Call): LogValues {
    requireAdmin(call);
    if (isGiven(change['log_file']))
      throw refuseSetting('log file location can not be updated through network protocol', 'unsupported_capability');
    const old = this.#values;
    const next: LogValues = {
      ...old,
      log_info: readFlag(change['log_info'], old.log_info),
      log_warning: readFlag(change['log_warning'], old.log_warning),
      log_error: readFlag(change['log_error'], old.log_error),
      log_verbose_level: readLevel(change['log_verbose_level'], old.log_verbose_level),
      log_format: readFormat(change['log_format'], old.log_format),
    };
    this.#values = next;
    this.#logger.level = levelOf(next);
    return next;
  }
}

/** From nothing to everything. */
const SEVERITY = ['silent', 'fatal', 'error', 'warn', 'info', 'debug', 'trace'];

function levelOf(values: LogValues): string {
  if (values.log_verbose_level > 1) return 'trace';
  if (values.log_verbose_level === 1) return 'debug';
  if (values.log_info) return 'info';
  if (values.log_warning) return 'warn';
  return values.log_error ? 'error' : 'silent';
}

function isGiven(value: unknown): boolean {
  return value !== undefined && value !== null;
}

function readFlag(value: unknown, old: boolean): boolean {
  if (!isGiven(value)) return old;
  if (typeof value === 'boolean') return value;
  throw refuseSetting('attempt to access JSON non-boolean as boolean');
}

function readLevel(value: unknown, old: number): number {
  if (!isGiven(value)) return old;
  if (typeof value === 'number' && Number.isSafeInteger(value) && value >= 0) return value;
  throw refuseSetting('attempt to access JSON non-unsigned-integer as unsigned-integer');
}

function readFormat(value: unknown, old: string): string {
  if (!isGiven(value)) return old;
  if (value === 'default' || value === 'ISO8601') return value;
  const shown = typeof value === 'string' ? value.slice(0, 64) : typeof value;
  throw refuseSetting(`invalid argument for --log_format, got: ${shown}`, 'model_unavailable');
}

import { pino, stdSerializers, type DestinationStream, type Logger as PinoLogger } from 'pino';
import { PlinthError } from '../errors/index.ts';
import { gatherLines } from './gather-lines.ts';

/** Structured log. Never given prompts, outputs or keys. */
export type Logger = PinoLogger;

/** How much is logged, and where to. */
export interface LoggerOptions {
  readonly level: 'trace' | 'debug' | 'info' | 'warn' | 'error' | 'silent';
  /** Where lines go; standard error when absent. */
  readonly destination?: DestinationStream;
}

/** A logger of JSON lines: level, ISO time, fields, `msg`. */
export function createLogger(options: LoggerOptions): Logger {
  const settings = {
    level: options.level,
    base: null,
    timestamp: pino.stdTimeFunctions.isoTime,
    formatters: { level: (label: string) => ({ level: label }) },
    serializers: { err: describeError },
  };
  return pino(settings, options.destination ?? gatherLines(pino.destination({ fd: 2, sync: false })));
}

/** The product's own errors by their code and words; the stack is kept for defects. */
function describeError(error: unknown): unknown {
  if (error instanceof PlinthError) return { code: error.code, message: error.message };
  return error instanceof Error ? stdSerializers.err(error) : error;
}

import { parseArgs } from 'node:util';

export interface BenchmarkOptions {
  readonly rounds: number;
  readonly seconds: number;
  readonly keepsNoisy: boolean;
  /** Names of the sides to measure; empty: all. */
  readonly only: readonly string[];
  /** Where a benchmark runs over several models, the one to take; empty: all. */
  readonly model: string;
  /** Another checkout of Plinth, ready to run, that is measured as a further side; empty: none. */
  readonly before: string;
}

/** The flags that every benchmark takes: --rounds, --seconds, --only a,b, --model, --before and --keep-noisy. */
export function readOptions(defaults: Pick<BenchmarkOptions, 'rounds' | 'seconds'>): BenchmarkOptions {
  const { values } = parseArgs({
    options: {
      rounds: { type: 'string', default: String(defaults.rounds) },
      seconds: { type: 'string', default: String(defaults.seconds) },
      only: { type: 'string', default: '' },
      model: { type: 'string', default: '' },
      before: { type: 'string', default: '' },
      'keep-noisy': { type: 'boolean', default: false },
    },
  });
  const rounds = Number(values.rounds);
  const seconds = Number(values.seconds);
  if (!(rounds >= 1) || !(seconds > 0)) throw new RangeError('--rounds and --seconds take numbers above 0');
  return {
    rounds,
    seconds,
    keepsNoisy: values['keep-noisy'],
    only: values.only.split(',').filter((name) => name !== ''),
    model: values.model,
    before: values.before,
  };
}

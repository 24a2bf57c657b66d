import { watchNoise, type Noise } from './quiet-watch.ts';

export type Metrics = Readonly<Record<string, number>>;

/** One thing that is measured in turn with others: Plinth, or a peer in one of its configurations. */
export interface Side {
  readonly name: string;
  measure(round: number): Promise<Metrics>;
}

export interface Measurement {
  readonly round: number;
  readonly side: string;
  readonly metrics: Metrics;
  readonly noise: Noise;
}

export interface RoundsOptions {
  readonly sides: readonly Side[];
  readonly rounds: number;
  onMeasured?(measurement: Measurement): void;
}

/** Even rounds go forward through the sides, odd ones back (ABBA), so that a drift of the machine hits every side alike. */
export async function measureRounds(options: RoundsOptions): Promise<Measurement[]> {
  const measurements: Measurement[] = [];
  for (let round = 0; round < options.rounds; round += 1) {
    const order = round % 2 === 0 ? options.sides : options.sides.toReversed();
    for (const side of order) {
      const endWatch = watchNoise();
      const metrics = await side.measure(round);
      const measurement = { round, side: side.name, metrics, noise: endWatch() };
      measurements.push(measurement);
      options.onMeasured?.(measurement);
    }
  }
  return measurements;
}

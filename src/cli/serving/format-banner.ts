import type { ModelFacts } from '../../core/models/index.ts';
import { cleanLine, formatBytes, formatCount, type Terminal } from '../terminal/index.ts';

export interface BannerFacts {
  readonly url: string;
  readonly managementUrl: string;
  readonly models: ReadonlyArray<{ readonly name: string; readonly outcome: ModelFacts | string }>;
  /** What to say of keys: a new one, or where to get one. */
  readonly key: string;
  /** A request to paste; absent while no model answers. */
  readonly curl?: string;
  readonly startMs: number;
}

/** What a serve says once when it is ready. */
export function formatBanner(facts: BannerFacts, terminal: Terminal): string {
  const width = Math.max(...facts.models.map((model) => model.name.length));
  const models = facts.models.map(({ name, outcome }) => `${cleanLine(name).padEnd(width)}  ${describeOutcome(outcome)}`);
  const rows: ReadonlyArray<readonly [string, string]> = [
    ['Address', facts.url],
    ...models.map((line, i) => [i === 0 ? (models.length > 1 ? 'Models' : 'Model') : '', line] as const),
    ['Key', facts.key],
    ['Management', facts.managementUrl],
  ];
  const head = terminal.paint('bold', `Plinth is ready in ${(facts.startMs / 1000).toFixed(1)} s`);
  const lines = rows.map(([name, value]) => `  ${terminal.paint('dim', name.padEnd(12))}${value}`);
  const curl = facts.curl === undefined ? [] : ['', 'Try it:', '', facts.curl];
  return ['', head, '', ...lines, ...curl, '', ''].join('\n');
}

function describeOutcome(outcome: ModelFacts | string): string {
  if (typeof outcome === 'string') return `not ready: ${cleanLine(outcome)}`;
  const { parameterCount, quantization, fileBytes, engine, slots } = outcome;
  const parameters = parameterCount > 0 ? [`${formatCount(parameterCount)} parameters`] : [];
  const size = fileBytes > 0 ? [formatBytes(fileBytes)] : [];
  const words = [...parameters, quantization, ...size, engine, `${slots} ${slots === 1 ? 'slot' : 'slots'}`];
  return cleanLine(words.filter((word) => word !== '').join(', '));
}

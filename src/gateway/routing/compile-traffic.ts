import type { ModelTraffic, TrafficRule } from '../../core/traffic/index.ts';
import type { SeededArm } from './choose-arm.ts';
import { compareVersions } from './compare-versions.ts';
import { seedOf } from './unit-of.ts';

/** Traffic with everything worked out that is the same for every request. */
export interface CompiledTraffic {
  readonly traffic: ModelTraffic;
  readonly arms: readonly SeededArm[];
  readonly rules: readonly CompiledRule[];
  /**
   * Whether a version may answer who does not ask for it, when no version with weight is loaded: one with weight, or one that no arm is of
   * and that is older than one with weight. What is newer has not had its turn.
   */
  readonly isOpen: (version: string) => boolean;
}

/** A rule whose header is in lower case and whose callers are a set. */
export interface CompiledRule {
  readonly when: Omit<TrafficRule['when'], 'callers'> & { readonly callers?: ReadonlySet<string> };
  readonly to: string;
}

const compiled = new WeakMap<ModelTraffic, CompiledTraffic>();

/** Made once for each state of a model's traffic. */
export function compileTraffic(traffic: ModelTraffic): CompiledTraffic {
  const known = compiled.get(traffic);
  if (known !== undefined) return known;
  const arms = seedArms(traffic);
  const made = { traffic, arms, rules: traffic.rules.map(compileRule), isOpen: openVersions(arms) };
  compiled.set(traffic, made);
  return made;
}

function openVersions(arms: readonly SeededArm[]): CompiledTraffic['isOpen'] {
  const named = new Set(arms.map(({ version }) => version));
  const withWeight = new Set(arms.filter(({ weight }) => weight > 0).map(({ version }) => version));
  const highest = [...withWeight].toSorted(compareVersions).at(-1);
  return (version) =>
    withWeight.has(version) || (!named.has(version) && (highest === undefined || compareVersions(version, highest) < 0));
}

/** An arm is known by its version, so that it keeps its callers when it is called otherwise; two arms of one version by their names too. */
function seedArms({ arms, purpose }: ModelTraffic): readonly SeededArm[] {
  const isDead = arms.every(({ weight }) => weight === 0);
  return arms.map((arm) => {
    const isAlone = arms.every((other) => other === arm || other.version !== arm.version);
    const key = isAlone ? arm.version : `${arm.version}/${arm.name}`;
    // Weights that sum to nothing are a mistake that must not let a candidate through.
    const weight = isDead && purpose.kind === 'rollout' && arm.name === 'current' ? 1 : arm.weight;
    return { ...arm, weight, key, seed: seedOf(key) };
  });
}

function compileRule({ when: { header, callers, ...others }, to }: TrafficRule): CompiledRule {
  const when = {
    ...others,
    ...(header === undefined ? {} : { header: { ...header, name: header.name.toLowerCase() } }),
    ...(callers === undefined ? {} : { callers: new Set(callers) }),
  };
  return { when, to };
}

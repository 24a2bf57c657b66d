import type { EnsembleStep } from '../../core/models/index.ts';

/** The steps that the wanted tensors need, directly or by way of others, in the order of the configuration. */
export function chooseSteps(steps: readonly EnsembleStep[], wanted: readonly string[]): readonly EnsembleStep[] {
  const makers = new Map(steps.flatMap((step) => Object.values(step.outputMap).map((name) => [name, step] as const)));
  const chosen = new Set<EnsembleStep>();
  const open = [...wanted];
  for (let name = open.pop(); name !== undefined; name = open.pop()) {
    const step = makers.get(name);
    if (step === undefined || chosen.has(step)) continue;
    chosen.add(step);
    open.push(...Object.values(step.inputMap));
  }
  return steps.filter((step) => chosen.has(step));
}

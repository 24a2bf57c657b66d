import type { InferenceRequest, TensorRequest } from '../../core/inference/index.ts';
import type { Capability, ModelFacts, TensorPort } from '../../core/models/index.ts';

/** Whose answer is replaced and who would replace it; facts that are not known yet are absent. */
export interface Replacement {
  readonly from: ModelFacts | undefined;
  readonly to: ModelFacts | undefined;
}

/**
 * Whether a model can answer a request that another one was chosen for, in a shape that the caller can use: the same capability,
 * vectors of the same length, tensors of the same names and types. What is not known yet is believed.
 */
export function canAnswer(request: InferenceRequest, { from, to }: Replacement): boolean {
  if (to === undefined) return true;
  const can = (capability: Capability): boolean => to.capabilities.includes(capability);
  switch (request.kind) {
    case 'generate':
      return wantedOfText(request).every(can) && (request.toolOptions === undefined || can('tools') || !knowsTools(from));
    case 'embed':
      return can('embed') && (from === undefined || from.embeddingDimensions === to.embeddingDimensions);
    case 'score':
      return can('score') || can('embed');
    case 'classify':
      return can('classify');
    case 'recognize':
      return PICTURE.some((capability) => can(capability) && (from?.capabilities.includes(capability) ?? true));
    case 'transcribe':
      return can(request.task);
    case 'tensors':
      return takesTensors(request, { from, to });
  }
}

/** An engine that does not tell may still use tools; then the one that replaces it need not tell either. */
function knowsTools(facts: ModelFacts | undefined): boolean {
  return facts === undefined || facts.capabilities.includes('tools');
}

const PICTURE: readonly Capability[] = ['classify-image', 'detect-objects', 'read-text'];

function wantedOfText(request: Extract<InferenceRequest, { kind: 'generate' }>): readonly Capability[] {
  const wanted = new Set<Capability>();
  for (const prompt of request.prompts) {
    wanted.add(prompt.type === 'chat' ? 'chat' : 'completion');
    if (prompt.type === 'text' && prompt.suffix !== undefined) wanted.add('infill');
  }
  return [...wanted];
}

function takesTensors({ inputs, outputs }: TensorRequest, { from, to }: Replacement): boolean {
  const [own, other] = [from?.tensors?.config, to?.tensors?.config];
  if (other === undefined || (own !== undefined && own.isDecoupled !== other.isDecoupled)) return false;
  const given = outputs === undefined ? own?.outputs : own?.outputs.filter(({ name }) => outputs.includes(name));
  return (
    inputs.every((input) => other.inputs.some((port) => isLike(port, input))) &&
    (outputs ?? []).every((name) => other.outputs.some((port) => port.name === name)) &&
    (given ?? []).every((output) => other.outputs.some((port) => isLike(port, output)))
  );
}

function isLike(a: Pick<TensorPort, 'name' | 'datatype'>, b: Pick<TensorPort, 'name' | 'datatype'>): boolean {
  return a.name === b.name && a.datatype === b.datatype;
}

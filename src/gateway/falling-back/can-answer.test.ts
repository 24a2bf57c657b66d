import assert from 'node:assert/strict';
import { test } from 'node:test';
import { greedySampling, type InferenceRequest, type Prompt, type Tool } from '../../core/inference/index.ts';
import type { Capability, ModelFacts, TensorFacts } from '../../core/models/index.ts';
import { generateRequest } from '../fake-snapshots.ts';
import { canAnswer } from './can-answer.ts';

function facts(capabilities: readonly Capability[], more: Partial<ModelFacts> = {}): ModelFacts {
  return {
    architecture: 'test',
    parameterCount: 1,
    quantization: '',
    fileBytes: 1,
    engine: 'test',
    contextTokens: 1,
    embeddingDimensions: 0,
    slots: 1,
    capabilities,
    ...more,
  };
}

const port = (name: string) => ({ name, datatype: 'FP32' as const, dims: [-1] });
const graph = (inputs: readonly string[], outputs: readonly string[], more: Partial<TensorFacts['config']> = {}) =>
  facts(['tensors'], {
    tensors: {
      config: { inputs: inputs.map(port), outputs: outputs.map(port), maxBatchSize: 0, parameters: {}, warmup: [], ...more },
      platform: 'test',
      configJson: {},
    },
  });

const head = { id: 'r', model: 'm', timeLeftMs: 1 } as const;
const chat: Prompt = { type: 'chat', messages: [] };
const tool: Tool = { name: 'f', isStrict: false };
const toolOptions = { tools: [tool], choice: { type: 'auto' }, allowsParallel: true } as const;
const infill = generateRequest({ prompts: [{ type: 'text', text: 'a', suffix: 'b' }], sampling: greedySampling });
const embed: InferenceRequest = { ...head, kind: 'embed', inputs: [] };
const picture: InferenceRequest = { ...head, kind: 'recognize', image: new Uint8Array() };
const speech: InferenceRequest = {
  ...head,
  kind: 'transcribe',
  audio: new Uint8Array(),
  task: 'translate',
  temperature: 0,
  timestamps: 'none',
};
const tensor = { name: 'x', datatype: 'FP32', shape: [1], data: new Uint8Array(4) } as const;
const tensors: InferenceRequest = { ...head, kind: 'tensors', inputs: [tensor], outputs: ['y'], parameters: {} };
const allOutputs: InferenceRequest = { ...head, kind: 'tensors', inputs: [tensor], parameters: {} };
const whole = { outputs: [{ name: 'y', datatype: 'INT64', dims: [-1] }] } as const;
const score: InferenceRequest = { ...head, kind: 'score', pairs: [], scale: 'logit', overlong: 'cut' };
const classify: InferenceRequest = { ...head, kind: 'classify', inputs: [], scale: 'logit', overlong: 'cut' };

const cases: ReadonlyArray<
  readonly [what: string, InferenceRequest, to: ModelFacts | undefined, fits: boolean, from?: ModelFacts]
> = [
  ['a model of which nothing is known yet', generateRequest(), undefined, true],
  ['a text model for a text', generateRequest(), facts(['completion']), true],
  ['a model that only chats for a text', generateRequest(), facts(['chat']), false],
  ['a model that chats for a conversation', generateRequest({ prompts: [chat] }), facts(['chat']), true],
  ['a model that cannot fill in for a suffix', infill, facts(['completion']), false],
  ['a model that can fill in for a suffix', infill, facts(['completion', 'infill']), true],
  [
    'a model without tools for tools',
    generateRequest({ prompts: [chat], toolOptions }),
    facts(['chat']),
    false,
    facts(['chat', 'tools']),
  ],
  [
    'a model like the first that tells nothing of tools',
    generateRequest({ prompts: [chat], toolOptions }),
    facts(['chat']),
    true,
    facts(['chat']),
  ],
  [
    'vectors of the same length',
    embed,
    facts(['embed'], { embeddingDimensions: 4 }),
    true,
    facts(['embed'], { embeddingDimensions: 4 }),
  ],
  [
    'vectors of another length',
    embed,
    facts(['embed'], { embeddingDimensions: 8 }),
    false,
    facts(['embed'], { embeddingDimensions: 4 }),
  ],
  ['a model without embeddings', embed, facts(['chat']), false],
  ['an embedding model for scores', score, facts(['embed']), true],
  ['a classifier of texts', classify, facts(['classify']), true],
  ['a scorer for classes', classify, facts(['score']), false],
  ['a detector for a classifier of pictures', picture, facts(['detect-objects']), false, facts(['classify-image'])],
  ['another classifier of pictures', picture, facts(['classify-image']), true, facts(['classify-image'])],
  ['a model that only transcribes for a translation', speech, facts(['transcribe']), false],
  ['a graph with the same ports', tensors, graph(['x'], ['y', 'z']), true],
  ['a graph with another input', tensors, graph(['w'], ['y']), false],
  ['a graph without the wanted output', tensors, graph(['x'], ['z']), false],
  ['a graph with more outputs for all of them', allOutputs, graph(['x'], ['y', 'z']), true, graph(['x'], ['y'])],
  ['a graph with fewer outputs for all of them', allOutputs, graph(['x'], ['z']), false, graph(['x'], ['y', 'z'])],
  ['a graph whose output is of another type', tensors, graph(['x'], [], whole), false, graph(['x'], ['y'])],
  ['a graph that answers as often as it likes', tensors, graph(['x'], ['y'], { isDecoupled: true }), false, graph(['x'], ['y'])],
  ['a model that is no graph', tensors, facts(['chat']), false],
];

for (const [what, request, to, fits, from] of cases) {
  test(`${what} ${fits ? 'can' : 'cannot'} answer`, () => {
    assert.equal(canAnswer(request, { from, to }), fits);
  });
}

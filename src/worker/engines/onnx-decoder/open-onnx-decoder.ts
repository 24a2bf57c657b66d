import { freemem } from 'node:os';
import { dirname } from 'node:path';
import { PlinthError } from '../../../core/errors/index.ts';
import { datatypeBytes } from '../../../core/inference/index.ts';
import type { ModelFacts, ModelSpec } from '../../../core/models/index.ts';
import { choosePool } from '../choose-pool.ts';
import { openOnnxGraph, type OnnxGraph } from '../onnx/index.ts';
import { bytesOfGraph, readDecoderFiles, type DecoderConfig } from './decoder-files.ts';
import { DecoderVocabulary } from './decoder-vocabulary.ts';
import { countParameters, nameQuantization } from './describe-decoder.ts';
import { findDecoderPorts, type StatePort } from './find-decoder-ports.ts';
import { OnnxDecoderEngine } from './onnx-decoder-engine.ts';

/** Of a model that does not say how long its contexts were. */
const DEFAULT_CONTEXT_TOKENS = 2048;

/**
 * Loads an exported causal language model: a graph with attention state and its tokenizer. The files must have passed the screen.
 * @throws PlinthError `invalid_model_file` when graph or tokenizer are not those of such a model, `engine_failed` when the library
 *   cannot be loaded.
 */
export function openOnnxDecoder(spec: ModelSpec): OnnxDecoderEngine {
  const { filePath } = spec;
  if (filePath === undefined) throw new PlinthError({ code: 'engine_failed', message: `Model ${spec.name} has no file.` });
  const files = readDecoderFiles(spec.folderPath ?? dirname(filePath));
  const vocabulary = new DecoderVocabulary(files);
  const options = { ...spec.onnx, intraOpThreads: spec.onnx.intraOpThreads || spec.threads };
  const graph = openOnnxGraph(filePath, options, spec.library);
  try {
    const ports = findDecoderPorts(graph.inputs, graph.outputs);
    const vocabularySize = ports.vocabularySize || files.config.vocab_size;
    if (vocabularySize === undefined) {
      throw new PlinthError({ code: 'invalid_model_file', message: "The model's config.json lacks vocab_size." });
    }
    const poolTokens = poolFor(spec, files.config, ports.states);
    const facts = describe({ spec, filePath, graph, config: files.config, poolTokens });
    return new OnnxDecoderEngine({ graph, ports, vocabulary, vocabularySize, poolTokens, template: files.template, facts });
  } catch (error) {
    graph.close();
    throw error;
  }
}

function trainedTokens({ max_position_embeddings: positions, n_positions: older }: DecoderConfig): number {
  return positions ?? older ?? DEFAULT_CONTEXT_TOKENS;
}

function poolFor(spec: ModelSpec, config: DecoderConfig, states: readonly StatePort[]): number {
  return choosePool({
    wantedTokens: spec.contextTokens,
    trainedTokens: trainedTokens(config),
    bytesPerToken: states.reduce((sum, port) => sum + port.heads * port.size * datatypeBytes[port.datatype], 0),
    freeBytes: freemem(),
  });
}

interface Description {
  readonly spec: ModelSpec;
  readonly filePath: string;
  readonly graph: OnnxGraph;
  readonly config: DecoderConfig;
  readonly poolTokens: number;
}

function describe({ spec, filePath, graph, config, poolTokens }: Description): ModelFacts {
  const fileBytes = bytesOfGraph(filePath);
  const parameterCount = countParameters(config);
  return {
    architecture: config.model_type ?? 'unknown',
    parameterCount,
    quantization: nameQuantization(fileBytes, parameterCount),
    fileBytes,
    engine: graph.engine,
    contextTokens: Math.min(trainedTokens(config), poolTokens),
    embeddingDimensions: config.hidden_size ?? 0,
    slots: spec.slots,
    capabilities: ['chat', 'completion'],
  };
}

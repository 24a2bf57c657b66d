import { dirname, relative } from 'node:path';
import { statSync } from 'node:fs';
import type { ModelSpec } from '../../../core/models/index.ts';
import type { GraphPort, LoadedGraph, OpenGraph } from '../../graph.ts';
import { EmbeddingWork } from './embedding-work.ts';
import { LogitsWork } from './logits-work.ts';
import { refusal } from './model-files.ts';
import { TextGraph } from './text-graph.ts';
import { TextTask } from './text-task.ts';
import { readTextSettings, type TextSettings } from './text-settings.ts';
import { TextTokenizer } from './text-tokenizer.ts';
import type { TextWork } from './text-work.ts';

/**
 * Opens a model for the tasks `embed`, `score` or `classify`, as its own files describe it: tokenizer.json, config.json and those of
 * sentence-transformers. Throws `invalid_model_file`.
 */
export function openTextTask(spec: ModelSpec, openGraph: OpenGraph): TextTask {
  const { filePath, folderPath } = spec;
  if (filePath === undefined) throw refusal('A text model needs a model file.');
  const folder = folderPath ?? dirname(filePath);
  const settings = readTextSettings(folder);
  const loaded = openGraph(relative(folder, filePath));
  try {
    return openWith(spec, { folder, settings, loaded, fileBytes: statSync(filePath).size });
  } catch (error) {
    loaded.close();
    throw error;
  }
}

interface OpenParts {
  readonly folder: string;
  readonly settings: TextSettings;
  readonly loaded: LoadedGraph;
  readonly fileBytes: number;
}

function openWith(spec: ModelSpec, { folder, settings, loaded, fileBytes }: OpenParts): TextTask {
  const { output, work } = spec.task === 'embed' ? chooseEmbedding(loaded, settings) : chooseLogits(loaded, settings);
  if (spec.task === 'score' && !work.capabilities.includes('score'))
    throw refusal('A model for the task score gives one logit; this one gives several: it is for the task classify.');
  const graph = new TextGraph(loaded, { output, padToken: settings.padToken });
  const maxTokens = Math.min(settings.maxTokens, graph.fixedTokens ?? Number.POSITIVE_INFINITY);
  const tokenizer = new TextTokenizer({ folder, maxTokens, lowersCase: settings.lowersCase });
  if (spec.task === 'score' && !tokenizer.readsPairs)
    throw refusal("A model for the task score reads two texts together; this one's tokenizer has no template for that.");
  const facts = {
    architecture: settings.architecture,
    parameterCount: settings.parameterCount,
    quantization: nameQuantization(spec.filePath ?? ''),
    fileBytes,
    engine: loaded.engine,
    contextTokens: maxTokens,
    slots: spec.slots,
  };
  const { vocabularySize } = settings;
  const batchTokens = measureBatchTokens(graph, maxTokens);
  return new TextTask({ model: spec.name, graph, tokenizer, work, facts, vocabularySize, batchTokens });
}

const SAMPLE_TOKENS = 128;
/** A batch that takes longer gains nothing more per token on a processor, and keeps the next callers waiting. */
const BATCH_MS = 30;
const FEWEST_BATCH_TOKENS = 64;
const MOST_BATCH_TOKENS = 16_384;

/** Tokens that this machine computes in the time of a batch; the first run also does what happens only once. */
function measureBatchTokens(graph: TextGraph, maxTokens: number): number {
  const ids = Array.from({ length: Math.min(SAMPLE_TOKENS, maxTokens) }, () => 1);
  const sample = { ids, typeIds: ids.map(() => 0) };
  graph.run([sample]);
  const perToken = Math.min(graph.run([sample]).inferMs, graph.run([sample]).inferMs) / ids.length;
  return Math.round(Math.max(FEWEST_BATCH_TOKENS, Math.min(MOST_BATCH_TOKENS, BATCH_MS / perToken)));
}

interface Chosen {
  readonly output: GraphPort;
  readonly work: TextWork;
}

const SENTENCE_OUTPUT = 'sentence_embedding';
const TOKEN_OUTPUTS = ['token_embeddings', 'last_hidden_state'];

/** A graph that pools by itself is taken at its word. */
function chooseEmbedding(graph: LoadedGraph, settings: TextSettings): Chosen {
  const outputs = graph.outputs.filter(isFloat);
  const sentence = outputs.find((port) => port.name === SENTENCE_OUTPUT && port.shape.length === 2);
  const tokens =
    outputs.find((port) => TOKEN_OUTPUTS.includes(port.name) && port.shape.length === 3) ??
    outputs.find((port) => port.shape.length === 3);
  const output = sentence ?? tokens;
  if (output === undefined) throw refusal(`An embedding model gives last_hidden_state or sentence_embedding${given(graph)}.`);
  if (sentence === undefined && settings.foreignModules.length > 0)
    throw refusal(`The model computes on behind its graph (${settings.foreignModules.join(', ')}), which is not served.`);
  const { pooling, prompt } = settings;
  return { output, work: new EmbeddingWork({ dimensions: widthOf(output, settings.hiddenSize), pooling, prompt }) };
}

function chooseLogits(graph: LoadedGraph, settings: TextSettings): Chosen {
  const outputs = graph.outputs.filter((port) => isFloat(port) && port.shape.length === 2);
  const output = outputs.find((port) => port.name === 'logits') ?? outputs[0];
  if (output === undefined) throw refusal(`A classifier gives logits [batch, classes]${given(graph)}.`);
  const classCount = (output.shape[1] ?? -1) > 0 ? widthOf(output) : settings.labels.length;
  if (classCount === 0) throw refusal('Neither the graph nor config.json (id2label) says how many classes there are.');
  const { labels, activation } = settings;
  return { output, work: new LogitsWork({ classCount, labels, activation: classCount === 1 ? 'sigmoid' : activation }) };
}

function isFloat(port: GraphPort): boolean {
  return port.datatype === 'FP32' || port.datatype === 'FP16';
}

function widthOf(port: GraphPort, configured?: number): number {
  const width = port.shape.at(-1) ?? -1;
  if (width > 0) return width;
  if (configured !== undefined) return configured;
  throw refusal(`The output ${port.name} does not say how many values it gives.`);
}

function given(graph: LoadedGraph): string {
  const ports = graph.outputs.map(({ name, datatype, shape }) => `${name} ${datatype} [${shape.join(', ')}]`);
  return `; this one gives ${ports.join('; ') || 'nothing'}`;
}

/** By the file's name, as Hugging Face names the precisions. */
function nameQuantization(filePath: string): string {
  const suffix = /_(fp16|quantized|int8|uint8|q4|q4f16|bnb4)(?:_[a-z0-9]+)*\.onnx$/.exec(filePath)?.[1];
  if (suffix === undefined) return 'F32';
  return suffix === 'fp16' ? 'F16' : suffix === 'quantized' ? 'INT8' : suffix.toUpperCase();
}

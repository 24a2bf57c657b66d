import { PlinthError } from '../../../core/errors/index.ts';
import type { Tensor } from '../../../core/inference/index.ts';
import type { GraphPort, LoadedGraph } from '../../graph.ts';
import { invalidFile } from './whisper-files.ts';

/** What the decoder remembers of one sequence. */
export interface DecoderMemory {
  /** The encoder's output. */
  readonly heard: Tensor;
  readonly past: readonly Tensor[];
}

/** What a pass of the decoder gave. */
export interface DecoderPass {
  /** One row of `vocabularySize` for every token that went in. */
  readonly logits: Float32Array;
  readonly vocabularySize: number;
  readonly memory: DecoderMemory;
}

/** Where a token's attention lay on the sound: `heads × tokens × positions`, per layer. */
export interface CrossAttention {
  readonly heads: number;
  readonly tokens: number;
  readonly positions: number;
  readonly weights: Float32Array;
}

/** Positions of the encoder's output; each is two frames, 20 ms. */
const ENCODER_POSITIONS = 1500;
const PAST = 'past_key_values.';
const PRESENT = 'present.';
const CROSS = 'cross_attentions.';

/** The two graphs of a Whisper model in the layout of Optimum: an encoder, and a decoder whose two branches are merged. */
export class WhisperGraphs {
  readonly #encoder: LoadedGraph;
  readonly #decoder: LoadedGraph;
  readonly #pastPorts: readonly GraphPort[];
  readonly #hasBranches: boolean;
  readonly #decoderOutputs: readonly string[];
  readonly #allOutputs: readonly string[];
  readonly #encoderOutput: string;

  constructor(encoder: LoadedGraph, decoder: LoadedGraph) {
    this.#encoder = encoder;
    this.#decoder = decoder;
    requirePorts(encoder.inputs, ['input_features']);
    requirePorts(decoder.inputs, ['input_ids', 'encoder_hidden_states']);
    requirePorts(decoder.outputs, ['logits']);
    this.#encoderOutput = encoder.outputs[0]?.name ?? '';
    this.#pastPorts = decoder.inputs.filter(({ name }) => name.startsWith(PAST));
    this.#hasBranches = decoder.inputs.some(({ name }) => name === 'use_cache_branch');
    const present = this.#pastPorts.map(({ name }) => presentOf(name));
    requirePorts(decoder.outputs, present);
    this.#allOutputs = ['logits', ...present];
    this.#decoderOutputs = ['logits', ...present.filter((name) => name.includes('.decoder.'))];
  }

  get engine(): string {
    return this.#decoder.engine;
  }

  get threads(): number {
    return this.#decoder.threads;
  }

  /** Layers whose attention to the sound the export gives. */
  get attentionLayers(): readonly number[] {
    return this.#decoder.outputs.flatMap(({ name }) => (name.startsWith(CROSS) ? [Number(name.slice(CROSS.length))] : []));
  }

  /** `features` is bands × frames. */
  encode(features: Float32Array, bands: number): Tensor {
    const input = floatTensor('input_features', [1, bands, features.length / bands], features);
    const [output] = this.#encoder.run([input], [this.#encoderOutput]);
    if (output?.datatype !== 'FP32' || output.shape[1] !== ENCODER_POSITIONS) throw unexpected(this.#encoderOutput);
    return { ...output, name: 'encoder_hidden_states' };
  }

  /** The decoder's first pass over a whole prompt. */
  begin(tokens: readonly number[], heard: Tensor): DecoderPass {
    return this.#passOf(this.#decoder.run(this.#firstInputs(tokens, heard), this.#allOutputs), heard);
  }

  /** One more token. */
  step(token: number, { heard, past }: DecoderMemory): DecoderPass {
    const inputs = [idTensor([token]), heard, ...past, ...this.#branch(1)];
    const pass = this.#passOf(this.#decoder.run(inputs, this.#decoderOutputs), heard);
    const kept = past.filter(({ name }) => name.includes('.encoder.'));
    return { ...pass, memory: { heard, past: [...pass.memory.past, ...kept] } };
  }

  /** Where the attention of each token lies, for the wanted layers in order. */
  attend(tokens: readonly number[], heard: Tensor, layers: readonly number[]): readonly CrossAttention[] {
    const names = layers.map((layer) => CROSS + layer);
    return this.#decoder.run(this.#firstInputs(tokens, heard), names).map((tensor) => {
      const [, heads = 0, rows = 0, positions = 0] = tensor.shape;
      if (rows !== tokens.length || positions !== ENCODER_POSITIONS) throw unexpected(tensor.name);
      return { heads, tokens: rows, positions, weights: floatsOf(tensor) };
    });
  }

  close(): void {
    this.#encoder.close();
    this.#decoder.close();
  }

  #firstInputs(tokens: readonly number[], heard: Tensor): readonly Tensor[] {
    return [idTensor(tokens), heard, ...this.#pastPorts.map(emptyPast), ...this.#branch(0)];
  }

  #branch(value: 0 | 1): readonly Tensor[] {
    if (!this.#hasBranches) return [];
    return [{ name: 'use_cache_branch', datatype: 'BOOL', shape: [1], data: Uint8Array.of(value) }];
  }

  #passOf([logits, ...present]: readonly Tensor[], heard: Tensor): DecoderPass {
    const vocabularySize = logits?.shape[2] ?? 0;
    if (logits === undefined || vocabularySize === 0) throw unexpected('logits');
    const past = present.map((tensor) => ({ ...tensor, name: PAST + tensor.name.slice(PRESENT.length) }));
    return { logits: floatsOf(logits), vocabularySize, memory: { heard, past } };
  }
}

function presentOf(past: string): string {
  return PRESENT + past.slice(PAST.length);
}

function requirePorts(ports: readonly GraphPort[], names: readonly string[]): void {
  for (const name of names) {
    const port = ports.find((one) => one.name === name);
    if (port === undefined) throw invalidFile(`a graph has no '${name}'`);
    const expected = name === 'input_ids' ? 'INT64' : 'FP32';
    if (port.datatype !== expected) throw invalidFile(`'${name}' is ${port.datatype}, and ${expected} was expected`);
  }
}

/** A memory of no tokens: every open size is 0, but one of a batch. */
function emptyPast({ name, shape }: GraphPort): Tensor {
  return floatTensor(name, [1, Math.max(0, shape[1] ?? 0), 0, Math.max(0, shape[3] ?? 0)], new Float32Array(0));
}

function floatTensor(name: string, shape: readonly number[], values: Float32Array): Tensor {
  return { name, datatype: 'FP32', shape, data: new Uint8Array(values.buffer, values.byteOffset, values.byteLength) };
}

function idTensor(tokens: readonly number[]): Tensor {
  const ids = BigInt64Array.from(tokens, BigInt);
  return { name: 'input_ids', datatype: 'INT64', shape: [1, tokens.length], data: new Uint8Array(ids.buffer) };
}

/** A view where the place allows it. */
function floatsOf({ name, datatype, data }: Tensor): Float32Array {
  if (datatype !== 'FP32') throw unexpected(name);
  const bytes = data.byteOffset % 4 === 0 ? data : new Uint8Array(data);
  return new Float32Array(bytes.buffer, bytes.byteOffset, bytes.byteLength / 4);
}

function unexpected(name: string): PlinthError {
  return new PlinthError({
    code: 'engine_failed',
    message: `The model's output '${name}' does not have the shape of Whisper's.`,
  });
}

import { PlinthError } from '../../../core/errors/index.ts';
import type { Tensor } from '../../../core/inference/index.ts';
import type { GraphPort, LoadedGraph } from '../../graph.ts';
import { refusal } from './model-files.ts';
import type { EncodedText } from './text-tokenizer.ts';

/** What each input of a graph is filled with, by name. */
const FILLINGS: Readonly<Record<string, Filling>> = {
  input_ids: 'ids',
  attention_mask: 'mask',
  token_type_ids: 'types',
  position_ids: 'positions',
};
type Filling = 'ids' | 'mask' | 'types' | 'positions';

interface FilledInput {
  readonly port: GraphPort;
  readonly filling: Filling;
}

/** A graph that reads token ids, and the one output of it that is used. */
export class TextGraph {
  readonly graph: LoadedGraph;
  readonly output: GraphPort;
  /** Tokens of every row; undefined where rows may have any number. */
  readonly fixedTokens: number | undefined;
  readonly fixedRows: number | undefined;
  readonly #inputs: readonly FilledInput[];
  readonly #padToken: number;

  /** Throws `invalid_model_file` when an input is none of a text model. */
  constructor(graph: LoadedGraph, options: { readonly output: GraphPort; readonly padToken: number }) {
    this.graph = graph;
    this.output = options.output;
    this.#padToken = options.padToken;
    this.#inputs = graph.inputs.flatMap((port) => fillingOf(port));
    const ids = this.#inputs.find((input) => input.filling === 'ids');
    if (ids === undefined) throw refusal('A text model has an input input_ids [batch, tokens]; this one has none.');
    const [rows = -1, tokens = -1] = ids.port.shape;
    this.fixedRows = rows > 0 ? rows : undefined;
    this.fixedTokens = tokens > 0 ? tokens : undefined;
  }

  /** The output for a batch, as floats; row after row, each padded to the longest. */
  run(texts: readonly EncodedText[]): TextOutput {
    const startedAt = performance.now();
    const rows = this.fixedRows ?? texts.length;
    const tokens = this.fixedTokens ?? Math.max(...texts.map((text) => text.ids.length));
    const inputs = this.#inputs.map(({ port, filling }) => this.#fill(port, { filling, texts, rows, tokens }));
    const filledAt = performance.now();
    const [output] = this.graph.run(inputs, [this.output.name]);
    if (output === undefined) throw new PlinthError({ code: 'engine_failed', message: 'The model gave no output.' });
    return {
      shape: output.shape,
      values: floatsOf(output),
      inputMs: filledAt - startedAt,
      inferMs: performance.now() - filledAt,
    };
  }

  close(): void {
    this.graph.close();
  }

  #fill(port: GraphPort, batch: Batch): Tensor {
    const { rows, tokens } = batch;
    const values = new Int32Array(rows * tokens);
    if (batch.filling === 'ids') values.fill(this.#padToken);
    for (const [row, text] of batch.texts.entries()) fillRow(values, row * tokens, { filling: batch.filling, text });
    const data = port.datatype === 'INT32' ? values : widen(values);
    const bytes = new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
    return { name: port.name, datatype: port.datatype, shape: [rows, tokens], data: bytes };
  }
}

export interface TextOutput {
  readonly shape: readonly number[];
  readonly values: Float32Array;
  readonly inputMs: number;
  readonly inferMs: number;
}

interface Batch {
  readonly filling: Filling;
  readonly texts: readonly EncodedText[];
  readonly rows: number;
  readonly tokens: number;
}

function fillRow(values: Int32Array, offset: number, { filling, text }: { filling: Filling; text: EncodedText }): void {
  const { ids, typeIds } = text;
  if (filling === 'ids') values.set(ids, offset);
  else if (filling === 'types') values.set(typeIds, offset);
  else for (let at = 0; at < ids.length; at++) values[offset + at] = filling === 'mask' ? 1 : at;
}

/** Token ids are never negative. */
function widen(values: Int32Array): Int32Array {
  const wide = new Int32Array(values.length * 2);
  for (let at = 0; at < values.length; at++) wide[2 * at] = values[at] as number;
  return wide;
}

function fillingOf(port: GraphPort): readonly FilledInput[] {
  const filling = Object.hasOwn(FILLINGS, port.name) ? FILLINGS[port.name] : undefined;
  const isFit = (port.datatype === 'INT64' || port.datatype === 'INT32') && port.shape.length === 2;
  if (filling !== undefined && isFit) return [{ port, filling }];
  if (port.isOptional) return [];
  const expected = `${Object.keys(FILLINGS).join(', ')} as INT64 or INT32 [batch, tokens]`;
  throw refusal(`A text model takes ${expected}; this one takes ${port.name} as ${port.datatype} [${port.shape.join(', ')}].`);
}

/** The values of a float tensor. Throws `engine_failed` for another type. */
function floatsOf({ datatype, data }: Tensor): Float32Array {
  const bytes = data.byteOffset % 4 === 0 ? data : new Uint8Array(data);
  if (datatype === 'FP32') return new Float32Array(bytes.buffer, bytes.byteOffset, bytes.byteLength / 4);
  if (datatype === 'FP16') return Float32Array.from(new Float16Array(bytes.buffer, bytes.byteOffset, bytes.byteLength / 2));
  throw new PlinthError({ code: 'engine_failed', message: `The model gave ${datatype} where floats were expected.` });
}

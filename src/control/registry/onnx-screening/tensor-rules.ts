import { elementFormats, rawBytesOf, type ElementFormat } from '../../../../packages/onnx-tools/element-types.ts';
import type { ExternalFiles, ExternalPlace } from './external-files.ts';
import { entryFields, labelOf, type Field, type FieldReader, type FieldTable, type Message } from './message-fields.ts';
import { refuseGraph } from './refuse-graph.ts';

const MAX_RANK = 64;
const MAX_EXTERNAL_ENTRIES = 16;
/** Sparse tensors become dense in native code. */
const MAX_DENSE_BYTES = 4 * 1024 ** 3;
const INT64_CODE = 7;

const tensorFields: FieldTable = {
  1: ['dims', 'int', 'many'],
  2: ['data_type', 'int', 'one'],
  3: ['segment', 'message', 'one'],
  4: ['floatData', 'float', 'many'],
  5: ['int32Data', 'int', 'many'],
  6: ['stringData', 'bytes', 'many'],
  7: ['int64Data', 'int', 'many'],
  8: ['name', 'text', 'one'],
  9: ['raw_data', 'bytes', 'one'],
  10: ['doubleData', 'double', 'many'],
  11: ['uint64Data', 'int', 'many'],
  12: ['doc_string', 'text', 'one'],
  13: ['external_data', 'message', 'many'],
  14: ['data_location', 'int', 'one'],
  16: ['metadata_props', 'message', 'many', entryFields],
};
const valueLists: ReadonlySet<string> = new Set([...elementFormats.values()].map(({ list }) => list));
const sparseFields: FieldTable = {
  1: ['values', 'message', 'one'],
  2: ['indices', 'message', 'one'],
  3: ['dims', 'int', 'many'],
};

/** What a checked tensor is. */
export interface ScreenedTensor {
  readonly name: string;
  readonly elements: number;
  readonly dims: readonly number[];
  readonly format: ElementFormat;
}

interface Draft {
  readonly dims: number[];
  code: number;
  name: string;
  rawBytes?: number;
  readonly counts: Map<string, number>;
  isExternal: boolean;
  readonly external: Map<string, string>;
}

/** Checks tensors: the values that are there are those that type and dims ask for. */
export class TensorRules {
  readonly #reader: FieldReader;
  readonly #files: ExternalFiles;
  #elements = 0;

  constructor(reader: FieldReader, files: ExternalFiles) {
    this.#reader = reader;
    this.#files = files;
  }

  /** Elements of all tensors so far. */
  get elements(): number {
    return this.#elements;
  }

  /** A dense tensor; `kind` says what it is in messages. */
  check(message: Message, kind: string): ScreenedTensor {
    const draft = this.#read(message);
    const what = labelOf(kind, draft.name);
    const format = elementFormats.get(draft.code);
    if (format === undefined) refuseGraph(`${what} has the unknown type ${draft.code}`);
    const elements = multiply(draft.dims, what);
    if (draft.isExternal) this.#checkExternal(draft, { format, elements, what });
    else checkValues(draft, { format, elements, what });
    this.#elements += elements;
    return { name: draft.name, elements, dims: draft.dims, format };
  }

  /** A sparse tensor; returns its name. */
  checkSparse(message: Message): string {
    const dims: number[] = [];
    let values: ScreenedTensor | undefined;
    let indices: ScreenedTensor | undefined;
    this.#reader.each(message, sparseFields, (field) => {
      const inside = this.#reader.inside(message, field);
      if (field.number === 1) values = this.check(inside, 'sparse values');
      else if (field.number === 2) indices = this.check(inside, 'sparse indices');
      else this.#reader.readInts(message, field, { list: dims, most: MAX_RANK });
    });
    const what = labelOf('sparse initializer', values?.name ?? '');
    if (values === undefined || indices === undefined) refuseGraph(`${what} has no values or no indices`);
    checkSparseShape(what, { values, indices, dims });
    return values.name;
  }

  #read(message: Message): Draft {
    const draft: Draft = { dims: [], code: 0, name: '', counts: new Map(), isExternal: false, external: new Map() };
    this.#reader.each(message, tensorFields, (field) => this.#take(message, field, draft));
    return draft;
  }

  #take(message: Message, field: Field, draft: Draft): void {
    switch (field.number) {
      case 1:
        return this.#reader.readInts(message, field, { list: draft.dims, most: MAX_RANK });
      case 2:
        draft.code = field.value;
        return;
      case 3:
        return refuseGraph(`${message.what} is a segment of a tensor, which no runtime reads`);
      case 8:
        draft.name = this.#reader.readName(message, field);
        return;
      case 9:
        draft.rawBytes = field.end - this.#reader.cursor.position;
        return;
      case 13:
        return this.#takeEntry(message, field, draft);
      case 14:
        if (field.value !== 0 && field.value !== 1) refuseGraph(`${message.what} has the unknown data location ${field.value}`);
        draft.isExternal = field.value === 1;
        return;
      default:
        if (valueLists.has(field.name)) {
          draft.counts.set(field.name, (draft.counts.get(field.name) ?? 0) + this.#countValues(message, field));
        }
    }
  }

  #countValues({ what }: Message, field: Field): number {
    if (!field.isPacked) return 1;
    const { cursor } = this.#reader;
    const width = field.name === 'floatData' ? 4 : field.name === 'doubleData' ? 8 : undefined;
    if (width === undefined) return cursor.countVarints(field.end, what);
    return (field.end - cursor.position) / width;
  }

  #takeEntry(message: Message, field: Field, draft: Draft): void {
    let key = '';
    let value = '';
    const entry = this.#reader.inside(message, field);
    this.#reader.each(entry, entryFields, (part) => {
      const text = this.#reader.readName(entry, part);
      if (part.number === 1) key = text;
      else value = text;
    });
    if (draft.external.has(key)) refuseGraph(`${message.what} has the external data key "${key.slice(0, 40)}" twice`);
    if (draft.external.size >= MAX_EXTERNAL_ENTRIES) refuseGraph(`${message.what} has more than ${MAX_EXTERNAL_ENTRIES} keys`);
    draft.external.set(key, value);
  }

  #checkExternal(draft: Draft, { format, elements, what }: Expected): void {
    if (draft.rawBytes !== undefined || draft.counts.size > 0) refuseGraph(`${what} has values both in the file and outside`);
    if (format.type === 'BYTES') refuseGraph(`${what} holds strings, which cannot lie in another file`);
    const bytes = rawBytesOf(format, elements);
    const place: ExternalPlace = {
      location: draft.external.get('location') ?? refuseGraph(`${what} lies in another file, which it does not name`),
      offset: countOf(draft.external.get('offset') ?? '0', `offset of ${what}`),
      bytes,
    };
    const said = draft.external.get('length');
    if (said !== undefined && countOf(said, `length of ${what}`) !== bytes) {
      refuseGraph(`${what} has ${said} bytes in another file, its type and dims need ${bytes}`);
    }
    this.#files.check(place, what);
  }
}

interface Expected {
  readonly format: ElementFormat;
  readonly elements: number;
  readonly what: string;
}

function checkValues(draft: Draft, { format, elements, what }: Expected): void {
  const lists = [...draft.counts].filter(([, count]) => count > 0);
  const dims = `[${draft.dims.join(', ')}] of ${format.type}`;
  if (draft.rawBytes !== undefined && (draft.rawBytes > 0 || lists.length === 0)) {
    if (lists.length > 0) refuseGraph(`${what} has values twice: raw and as ${lists[0]?.[0] ?? 'a list'}`);
    if (format.type === 'BYTES' && draft.rawBytes > 0) refuseGraph(`${what} holds strings as raw bytes`);
    const needed = rawBytesOf(format, elements);
    if (draft.rawBytes === needed) return;
    if (format.type !== 'BYTES' || elements > 0) refuseGraph(`${what} has ${draft.rawBytes} bytes, ${dims} needs ${needed}`);
    return;
  }
  const stray = lists.find(([list]) => list !== format.list);
  if (stray !== undefined) refuseGraph(`${what} of ${format.type} has values as ${stray[0]}, expected ${format.list}`);
  const found = lists[0]?.[1] ?? 0;
  const needed = Math.ceil(elements * format.entriesPerElement);
  if (found !== needed) refuseGraph(`${what} has ${found} values, ${dims} needs ${needed}`);
}

function checkSparseShape(
  what: string,
  parts: { values: ScreenedTensor; indices: ScreenedTensor; dims: readonly number[] },
): void {
  const { values, indices, dims } = parts;
  const dense = multiply(dims, what);
  if (rawBytesOf(values.format, dense) > MAX_DENSE_BYTES)
    refuseGraph(`${what} takes more than ${MAX_DENSE_BYTES} bytes when dense`);
  if (values.dims.length !== 1) refuseGraph(`${what} has values of ${values.dims.length} dimensions, expected 1`);
  if (values.elements > dense) refuseGraph(`${what} has ${values.elements} values for ${dense} places`);
  if (indices.format.code !== INT64_CODE) refuseGraph(`${what} has indices of ${indices.format.type}, expected INT64`);
  const isFlat = indices.dims.length === 1 && indices.dims[0] === values.elements;
  const isByAxis = indices.dims.length === 2 && indices.dims[0] === values.elements && indices.dims[1] === dims.length;
  if (!isFlat && !isByAxis)
    refuseGraph(`${what} has indices of the dims [${indices.dims.join(', ')}] for ${values.elements} values`);
}

/** The product of dims that no file can fake: negative sizes and products past 2^53 are refused. */
export function multiply(dims: readonly number[], what: string): number {
  const strange = dims.find((size) => size < 0);
  if (strange !== undefined) refuseGraph(`${what} has a negative dimension`);
  if (dims.includes(0)) return 0;
  const product = dims.reduce((soFar, size) => soFar * size, 1);
  if (!(product <= Number.MAX_SAFE_INTEGER / 16)) refuseGraph(`${what} has more elements than any file can hold`);
  return product;
}

function countOf(text: string, what: string): number {
  if (!/^\d{1,15}$/.test(text)) refuseGraph(`the ${what} is ${JSON.stringify(text.slice(0, 40))}, expected a whole number`);
  return Number(text);
}

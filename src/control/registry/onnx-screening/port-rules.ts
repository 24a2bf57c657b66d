import { elementFormats } from '../../../../packages/onnx-tools/element-types.ts';
import { tensorDatatypes, type TensorDatatype } from '../../../core/inference/index.ts';
import { entryFields, labelOf, type FieldReader, type FieldTable, type Message } from './message-fields.ts';
import type { OnnxPort } from './onnx-summary.ts';
import { refuseGraph } from './refuse-graph.ts';
import { multiply } from './tensor-rules.ts';

const MAX_RANK = 64;

const valueFields: FieldTable = {
  1: ['name', 'text', 'one'],
  2: ['type', 'message', 'one'],
  3: ['doc_string', 'text', 'one'],
  4: ['metadata_props', 'message', 'many', entryFields],
};
const typeFields: FieldTable = {
  1: ['tensor_type', 'message', 'one'],
  4: ['sequence_type', 'message', 'one'],
  5: ['map_type', 'message', 'one'],
  6: ['denotation', 'text', 'one'],
  7: ['opaque_type', 'message', 'one', { 1: ['domain', 'text', 'one'], 2: ['name', 'text', 'one'] }],
  8: ['sparse_tensor_type', 'message', 'one'],
  9: ['optional_type', 'message', 'one'],
};
const tensorTypeFields: FieldTable = { 1: ['elem_type', 'int', 'one'], 2: ['shape', 'message', 'one'] };
const mapTypeFields: FieldTable = { 1: ['key_type', 'int', 'one'], 2: ['value_type', 'message', 'one'] };
const innerTypeFields: FieldTable = { 1: ['elem_type', 'message', 'one'] };
const shapeFields: FieldTable = { 1: ['dim', 'message', 'many'] };
const dimensionFields: FieldTable = {
  1: ['dim_value', 'int', 'one'],
  2: ['dim_param', 'text', 'one'],
  3: ['denotation', 'text', 'one'],
};

type PortType = Pick<OnnxPort, 'datatype' | 'shape' | 'symbols' | 'isOptional'>;
type ShapeParts = Pick<OnnxPort, 'symbols'> & { readonly shape: number[] };

const unknownType: PortType = { datatype: 'OTHER', symbols: [], isOptional: false };

/** Reads the declaration of a value: an input or output of a graph, or a note on one inside. */
export function readPort(reader: FieldReader, message: Message): OnnxPort {
  let name = '';
  let type = unknownType;
  reader.each(message, valueFields, (field) => {
    if (field.number === 1) name = reader.readName(message, field);
    if (field.number === 2) type = readType(reader, reader.inside(message, field));
  });
  const what = labelOf(message.what, name);
  if (type.shape !== undefined) {
    multiply(
      type.shape.filter((size) => size > 0),
      what,
    );
  }
  return { name, ...type };
}

/** Reads a type, for the sake of its nesting and, where it is a tensor, of what it says. */
export function readType(reader: FieldReader, message: Message): PortType {
  let type = unknownType;
  let kinds = 0;
  reader.each(message, typeFields, (field) => {
    if (field.number === 6) return;
    const inside = reader.inside(message, field);
    if (++kinds > 1) refuseGraph(`${message.what} is of two kinds at once`);
    if (field.number === 1) type = readTensorType(reader, inside);
    else if (field.number === 8) readTensorType(reader, inside);
    else if (field.number === 9) type = { ...readInnerType(reader, inside), isOptional: true };
    else if (field.number === 4) readInnerType(reader, inside);
    else readMapType(reader, inside);
  });
  return type;
}

function readInnerType(reader: FieldReader, message: Message): PortType {
  let type = unknownType;
  reader.each(message, innerTypeFields, (field) => {
    type = readType(reader, reader.inside(message, field, message.what));
  });
  return type;
}

function readMapType(reader: FieldReader, message: Message): void {
  reader.each(message, mapTypeFields, (field) => {
    if (field.number === 2) readType(reader, reader.inside(message, field, message.what));
  });
}

function readTensorType(reader: FieldReader, message: Message): PortType {
  let datatype: PortType['datatype'] = 'OTHER';
  let parts: ShapeParts | undefined;
  reader.each(message, tensorTypeFields, (field) => {
    if (field.number === 1) datatype = datatypeOf(field.value);
    else parts = readShape(reader, reader.inside(message, field));
  });
  return { datatype, isOptional: false, ...(parts ?? { symbols: [] }) };
}

function readShape(reader: FieldReader, message: Message): ShapeParts {
  const shape: number[] = [];
  const symbols: Array<string | null> = [];
  reader.each(message, shapeFields, (field) => {
    if (shape.length >= MAX_RANK) refuseGraph(`${message.what} has more than ${MAX_RANK} dimensions`);
    const inside = reader.inside(message, field);
    let size = -1;
    let symbol: string | null = null;
    reader.each(inside, dimensionFields, (part) => {
      if (part.number === 1) size = Math.max(-1, part.value);
      if (part.number === 2) symbol = reader.readName(inside, part);
    });
    if (size > Number.MAX_SAFE_INTEGER) refuseGraph(`${message.what} has a dimension that no tensor can have`);
    shape.push(size);
    symbols.push(size >= 0 || symbol === '' || symbol === '?' ? null : symbol);
  });
  return { shape, symbols };
}

const known: ReadonlySet<string> = new Set(tensorDatatypes);

function datatypeOf(code: number): PortType['datatype'] {
  const type = elementFormats.get(code)?.type;
  return type !== undefined && isDatatype(type) ? type : 'OTHER';
}

function isDatatype(type: string): type is TensorDatatype {
  return known.has(type);
}

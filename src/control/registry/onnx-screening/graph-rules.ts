import { Calls } from './call-rules.ts';
import type { ExternalFiles } from './external-files.ts';
import { entryFields, FieldReader, labelOf, opsetFields, type Field, type FieldTable, type Message } from './message-fields.ts';
import type { OnnxPort } from './onnx-summary.ts';
import { readPort, readType } from './port-rules.ts';
import { refuseGraph } from './refuse-graph.ts';
import { TensorRules } from './tensor-rules.ts';
import type { WireCursor } from './wire-cursor.ts';

const MAX_OPERATIONS = 1024 * 1024;
const MAX_INITIALIZERS = 256 * 1024;
const MAX_PORTS = 65_536;

const annotationFields: FieldTable = {
  1: ['tensor_name', 'text', 'one'],
  2: ['quant_parameter_tensor_names', 'message', 'many', entryFields],
};
const placementFields: FieldTable = {
  1: ['configuration_id', 'text', 'one'],
  2: [
    'sharding_spec',
    'message',
    'many',
    {
      1: ['tensor_name', 'text', 'one'],
      2: ['device', 'int', 'many'],
      3: ['index_to_device_group_map', 'message', 'many', { 1: ['key', 'int', 'one'], 2: ['value', 'int', 'many'] }],
      4: [
        'sharded_dim',
        'message',
        'many',
        {
          1: ['axis', 'int', 'one'],
          2: [
            'simple_sharding',
            'message',
            'many',
            { 1: ['dim_value', 'int', 'one'], 2: ['dim_param', 'text', 'one'], 3: ['num_shards', 'int', 'one'] },
          ],
        },
      ],
    },
  ],
  3: ['pipeline_stage', 'int', 'one'],
};
const graphFields: FieldTable = {
  1: ['node', 'message', 'many'],
  2: ['name', 'text', 'one'],
  5: ['initializer', 'message', 'many'],
  10: ['doc_string', 'text', 'one'],
  11: ['input', 'message', 'many'],
  12: ['output', 'message', 'many'],
  13: ['value_info', 'message', 'many'],
  14: ['quantization_annotation', 'message', 'many', annotationFields],
  15: ['sparse_initializer', 'message', 'many'],
  16: ['metadata_props', 'message', 'many', entryFields],
};
const operationFields: FieldTable = {
  1: ['input', 'text', 'many'],
  2: ['output', 'text', 'many'],
  3: ['name', 'text', 'one'],
  4: ['op_type', 'text', 'one'],
  5: ['attribute', 'message', 'many'],
  6: ['doc_string', 'text', 'one'],
  7: ['domain', 'text', 'one'],
  8: ['overload', 'text', 'one'],
  9: ['metadata_props', 'message', 'many', entryFields],
  10: ['device_configurations', 'message', 'many', placementFields],
};
const attributeFields: FieldTable = {
  1: ['name', 'text', 'one'],
  2: ['f', 'float', 'one'],
  3: ['i', 'int', 'one'],
  4: ['s', 'bytes', 'one'],
  5: ['t', 'message', 'one'],
  6: ['g', 'message', 'one'],
  7: ['floats', 'float', 'many'],
  8: ['ints', 'int', 'many'],
  9: ['strings', 'bytes', 'many'],
  10: ['tensors', 'message', 'many'],
  11: ['graphs', 'message', 'many'],
  13: ['doc_string', 'text', 'one'],
  14: ['tp', 'message', 'one'],
  15: ['type_protos', 'message', 'many'],
  20: ['type', 'int', 'one'],
  21: ['ref_attr_name', 'text', 'one'],
  22: ['sparse_tensor', 'message', 'one'],
  23: ['sparse_tensors', 'message', 'many'],
};
const functionFields: FieldTable = {
  1: ['name', 'text', 'one'],
  4: ['input', 'text', 'many'],
  5: ['output', 'text', 'many'],
  6: ['attribute', 'text', 'many'],
  7: ['node', 'message', 'many'],
  8: ['doc_string', 'text', 'one'],
  9: ['opset_import', 'message', 'many', opsetFields],
  10: ['domain', 'text', 'one'],
  11: ['attribute_proto', 'message', 'many'],
  12: ['value_info', 'message', 'many'],
  13: ['overload', 'text', 'one'],
  14: ['metadata_props', 'message', 'many', entryFields],
};

/** What a checked graph declares. */
export interface ScreenedGraph {
  readonly name: string;
  readonly inputs: readonly OnnxPort[];
  readonly outputs: readonly OnnxPort[];
  readonly initializers: ReadonlySet<string>;
}

/** A function of the model's own. */
export interface ScreenedFunction {
  readonly name: string;
  readonly domain: string;
  readonly calls: Calls;
}

/** Checks graphs with everything in them, however deep. */
export class GraphRules {
  readonly reader: FieldReader;
  readonly #tensors: TensorRules;
  #operations = 0;
  #initializers = 0;

  constructor(cursor: WireCursor, files: ExternalFiles) {
    this.reader = new FieldReader(cursor);
    this.#tensors = new TensorRules(this.reader, files);
  }

  get operationCount(): number {
    return this.#operations;
  }

  /** Elements of all tensors that stand in the file or beside it. */
  get parameterCount(): number {
    return this.#tensors.elements;
  }

  /** A graph; what it and its inner graphs call is added to `calls`. */
  checkGraph(message: Message, calls: Calls): ScreenedGraph {
    const inputs: OnnxPort[] = [];
    const outputs: OnnxPort[] = [];
    const initializers = new Set<string>();
    let name = '';
    this.reader.each(message, graphFields, (field) => {
      const inside = () => this.reader.inside(message, field);
      if (field.number === 1) this.#checkOperation(inside(), calls);
      else if (field.number === 2) name = this.reader.readName(message, field);
      else if (field.number === 5 || field.number === 15) this.#addInitializer(inside(), { field, initializers });
      else if (field.number === 11) addPort(inputs, readPort(this.reader, inside()), 'input');
      else if (field.number === 12) addPort(outputs, readPort(this.reader, inside()), 'output');
      else if (field.number === 13) readPort(this.reader, inside());
    });
    return { name, inputs, outputs, initializers };
  }

  checkFunction(message: Message): ScreenedFunction {
    const calls = new Calls();
    let name = '';
    let domain = '';
    this.reader.each(message, functionFields, (field) => {
      const inside = () => this.reader.inside(message, field);
      if (field.number === 1) name = this.reader.readName(message, field);
      else if (field.number === 10) domain = this.reader.readName(message, field);
      else if (field.number === 7) this.#checkOperation(inside(), calls);
      else if (field.number === 11) this.#checkAttribute(inside(), calls);
      else if (field.number === 12) readPort(this.reader, inside());
      else if (field.number <= 6) this.reader.readName(message, field);
    });
    return { name, domain, calls };
  }

  #addInitializer(message: Message, { field, initializers }: { field: Field; initializers: Set<string> }): void {
    if (++this.#initializers > MAX_INITIALIZERS) refuseGraph(`it has more than ${MAX_INITIALIZERS} initializers`);
    const name = field.number === 5 ? this.#tensors.check(message, 'initializer').name : this.#tensors.checkSparse(message);
    if (name === '') refuseGraph('it has an initializer without a name');
    if (initializers.has(name)) refuseGraph(`${labelOf('initializer', name)} stands twice`);
    initializers.add(name);
  }

  #checkOperation(message: Message, calls: Calls): void {
    if (++this.#operations > MAX_OPERATIONS) refuseGraph(`it has more than ${MAX_OPERATIONS} operations`);
    let opType = '';
    let domain = '';
    this.reader.each(message, operationFields, (field) => {
      if (field.number === 5) this.#checkAttribute(this.reader.inside(message, field), calls);
      if (field.number === 5 || field.number === 6) return;
      const text = this.reader.readName(message, field);
      if (field.number === 4) opType = text;
      if (field.number === 7) domain = text;
    });
    if (opType === '') refuseGraph('it has an operation without a type');
    calls.add(domain, opType);
  }

  #checkAttribute(message: Message, calls: Calls): void {
    this.reader.each(message, attributeFields, (field) => {
      const inside = () => this.reader.inside(message, field);
      if (field.number === 1 || field.number === 21) this.reader.readName(message, field);
      else if (field.number === 5 || field.number === 10) this.#tensors.check(inside(), 'constant');
      else if (field.number === 6 || field.number === 11) this.checkGraph(inside(), calls);
      else if (field.number === 14 || field.number === 15) readType(this.reader, inside());
      else if (field.number >= 22) this.#tensors.checkSparse(inside());
      else if (field.isPacked && field.name === 'ints') this.reader.cursor.countVarints(field.end, message.what);
    });
  }
}

function addPort(ports: OnnxPort[], port: OnnxPort, kind: string): void {
  if (ports.length >= MAX_PORTS) refuseGraph(`it has more than ${MAX_PORTS} ${kind}s`);
  if (port.name === '') refuseGraph(`it has an ${kind} without a name`);
  ports.push(port);
}

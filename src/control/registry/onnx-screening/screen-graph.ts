import { Calls, checkCalls, keyOf } from './call-rules.ts';
import type { ExternalFiles } from './external-files.ts';
import { GraphRules, type ScreenedGraph } from './graph-rules.ts';
import { entryFields, opsetFields, type FieldTable, type Message } from './message-fields.ts';
import type { OnnxPort, OnnxSummary } from './onnx-summary.ts';
import { quote, refuseGraph } from './refuse-graph.ts';
import { WireCursor, type GraphBytes } from './wire-cursor.ts';

/** Lengths in a protobuf are 31 bits. */
const MAX_FILE_BYTES = 2 ** 31 - 1;
const MAX_FUNCTIONS = 65_536;
const MAX_DOMAINS = 1_024;
const MAX_KEPT_METADATA = 128;
const MAX_KEPT_TEXT_BYTES = 4 * 1024;
/** Before this version of the format, weights had to be listed among the inputs as well. */
const FIRST_VERSION_WITH_OPTIONAL_INPUTS = 4;

const deviceFields: FieldTable = { 1: ['name', 'text', 'one'], 2: ['num_devices', 'int', 'one'], 3: ['device', 'text', 'many'] };
const modelFields: FieldTable = {
  1: ['ir_version', 'int', 'one'],
  2: ['producer_name', 'text', 'one'],
  3: ['producer_version', 'text', 'one'],
  4: ['domain', 'text', 'one'],
  5: ['model_version', 'int', 'one'],
  6: ['doc_string', 'text', 'one'],
  7: ['graph', 'message', 'one'],
  8: ['opset_import', 'message', 'many'],
  14: ['metadata_props', 'message', 'many'],
  20: ['training_info', 'message', 'many'],
  25: ['functions', 'message', 'many'],
  26: ['configuration', 'message', 'many', deviceFields],
};

/**
 * Checks a whole ONNX file without reading its weights' values; pure but for `source` and `files`. Throws `invalid_model_file`. What it
 * lets through has a graph, weights of exactly the bytes that their types and dims ask for, bounded counts and depth, and no
 * operation that comes from a library. Format: docs/IR.md and onnx.proto of onnx/onnx.
 */
export function screenGraph(source: GraphBytes, files: ExternalFiles): OnnxSummary {
  if (source.totalBytes === 0) refuseGraph('it is empty');
  if (source.totalBytes > MAX_FILE_BYTES)
    refuseGraph(`it has ${source.totalBytes} bytes, at most ${MAX_FILE_BYTES}: the rest belongs into external data`);
  refuseRuntimeFormat(source);
  return new ModelRules(new WireCursor(source), files).check(source.totalBytes);
}

/** ONNX Runtime's own format is checked by nobody before it is mapped into memory. */
function refuseRuntimeFormat(source: GraphBytes): void {
  const head = Buffer.alloc(8);
  source.read(head, 0);
  if (head.toString('latin1', 4) === 'ORTM') refuseGraph('it is in the ORT format, expected ONNX');
}

class ModelRules {
  readonly #rules: GraphRules;
  readonly #files: ExternalFiles;
  readonly #calls = new Calls();
  readonly #functions = new Map<string, Calls>();
  readonly #opsets = new Map<string, number>();
  readonly #metadata: Array<[key: string, value: string]> = [];
  readonly #producer = ['', ''];
  #irVersion = 0;
  #graph: ScreenedGraph | undefined;

  constructor(cursor: WireCursor, files: ExternalFiles) {
    this.#rules = new GraphRules(cursor, files);
    this.#files = files;
  }

  check(fileBytes: number): OnnxSummary {
    this.#read({ end: fileBytes, depth: 0, what: 'the model' });
    if (this.#graph === undefined) refuseGraph('it has no graph');
    if (this.#irVersion < 1) refuseGraph('it does not say which version of the format it has');
    if (this.#opsets.size === 0 && this.#irVersion >= 3) refuseGraph('it does not say which operators it uses (opset_import)');
    if (this.#graph.outputs.length === 0) refuseGraph('its graph has no outputs');
    checkCalls(this.#calls, this.#functions);
    const producer = this.#producer.filter((part) => part !== '').join(' ');
    return {
      ...portsOf(this.#graph, this.#irVersion),
      opset: this.#opsets.get('') ?? this.#opsets.get('ai.onnx') ?? 0,
      irVersion: this.#irVersion,
      ...(producer === '' ? {} : { producer }),
      ...(this.#graph.name === '' ? {} : { graphName: this.#graph.name }),
      operationCount: this.#rules.operationCount,
      parameterCount: this.#rules.parameterCount,
      fileBytes: fileBytes + this.#files.totalBytes,
      externalFiles: [...this.#files.names],
      metadata: Object.fromEntries(this.#metadata),
    };
  }

  #read(message: Message): void {
    const { reader } = this.#rules;
    reader.each(message, modelFields, (field) => {
      const inside = () => reader.inside(message, field);
      if (field.number === 1) this.#irVersion = field.value;
      else if (field.number === 2 || field.number === 3) this.#producer[field.number - 2] = reader.readName(message, field);
      else if (field.number === 7) this.#graph = this.#rules.checkGraph(inside(), this.#calls);
      else if (field.number === 8) this.#addOpset(inside());
      else if (field.number === 14) this.#addMetadata(inside());
      else if (field.number === 20) refuseGraph('it carries training information: export it for inference');
      else if (field.number === 25) this.#addFunction(inside());
    });
  }

  #addOpset(message: Message): void {
    const { reader } = this.#rules;
    let domain = '';
    let version = 0;
    reader.each(message, opsetFields, (field) => {
      if (field.number === 1) domain = reader.readName(message, field);
      else version = field.value;
    });
    if (!(version >= 0 && version < 2 ** 31)) refuseGraph(`it uses version ${version} of the operators of ${quote(domain)}`);
    if (this.#opsets.size >= MAX_DOMAINS) refuseGraph(`it uses more than ${MAX_DOMAINS} operator domains`);
    this.#opsets.set(domain, version);
  }

  #addMetadata(message: Message): void {
    const { reader } = this.#rules;
    const texts = ['', ''];
    let isKept = this.#metadata.length < MAX_KEPT_METADATA;
    reader.each(message, entryFields, (field) => {
      isKept &&= field.end - reader.cursor.position <= MAX_KEPT_TEXT_BYTES;
      if (isKept) texts[field.number - 1] = reader.readName(message, field);
    });
    if (isKept) this.#metadata.push([texts[0] ?? '', texts[1] ?? '']);
  }

  #addFunction(message: Message): void {
    if (this.#functions.size >= MAX_FUNCTIONS) refuseGraph(`it has more than ${MAX_FUNCTIONS} functions`);
    const { name, domain, calls } = this.#rules.checkFunction(message);
    if (name === '') refuseGraph('it has a function without a name');
    const known = this.#functions.get(keyOf(domain, name));
    // Overloads of one function share its key: their calls are taken together.
    if (known === undefined) this.#functions.set(keyOf(domain, name), calls);
    else known.join(calls);
  }
}

function portsOf(
  { inputs, outputs, initializers }: ScreenedGraph,
  irVersion: number,
): { inputs: OnnxPort[]; outputs: OnnxPort[] } {
  const hasOptionalInputs = irVersion >= FIRST_VERSION_WITH_OPTIONAL_INPUTS;
  const taken = inputs.filter(({ name }) => hasOptionalInputs || !initializers.has(name));
  const names = new Set(taken.map(({ name }) => name));
  if (names.size < taken.length) refuseGraph('two of its inputs have the same name');
  return {
    inputs: taken.map((port) => ({ ...port, isOptional: port.isOptional || initializers.has(port.name) })),
    outputs: [...outputs],
  };
}

import { quote, refuseGraph } from './refuse-graph.ts';
import type { WireCursor } from './wire-cursor.ts';

/** As deep as protobuf's own readers go. */
const MAX_DEPTH = 100;
/** Every field costs native code more memory than the file: a large language model exported unrolled has about a million. */
const MAX_FIELDS = 16 * 1024 * 1024;
const MAX_NAME_BYTES = 8 * 1024;
const MAX_FIELD_NUMBER = 2 ** 29 - 1;

/** `float` and `double` are of fixed size; lists of numbers come packed or one by one. */
export type FieldKind = 'int' | 'float' | 'double' | 'text' | 'bytes' | 'message';

/** What a message may hold, by field number; `inner` is the table of a message that no rule looks into. */
export interface FieldTable {
  readonly [number: number]: readonly [name: string, kind: FieldKind, count: 'one' | 'many', inner?: FieldTable];
}

/** A note of an exporter. */
export const entryFields: FieldTable = { 1: ['key', 'text', 'one'], 2: ['value', 'text', 'one'] };

/** A domain of operators and which version of it is used. */
export const opsetFields: FieldTable = { 1: ['domain', 'text', 'one'], 2: ['version', 'int', 'one'] };

/** One field, its payload yet to be read. */
export interface Field {
  readonly number: number;
  readonly name: string;
  /** The payload is a run of numbers. */
  readonly isPacked: boolean;
  /** Of an int that stands alone: its value, see {@link WireCursor.readVarint}. */
  readonly value: number;
  readonly end: number;
}

/** A message in the file. */
export interface Message {
  readonly end: number;
  readonly depth: number;
  /** For messages: `initializer 3`. */
  readonly what: string;
}

const VARINT = 0;
const FIXED64 = 1;
const LENGTH = 2;
const FIXED32 = 5;

const wires: Readonly<Record<FieldKind, number>> = {
  int: VARINT,
  double: FIXED64,
  text: LENGTH,
  bytes: LENGTH,
  message: LENGTH,
  float: FIXED32,
};

/** Goes through messages of one file field by field and holds it to the format. */
export class FieldReader {
  readonly cursor: WireCursor;
  #fields = 0;

  constructor(cursor: WireCursor) {
    this.cursor = cursor;
  }

  /**
   * Calls `visit` for each known field, with the cursor at its payload; unknown fields are passed over. Refuses a known field of
   * another wire type, one that may stand once and stands twice, and lengths past the end of the message.
   */
  each(message: Message, table: FieldTable, visit: (field: Field) => void): void {
    if (message.depth > MAX_DEPTH) refuseGraph(`${message.what} lies more than ${MAX_DEPTH} messages deep`);
    const seen = new Set<number>();
    while (this.cursor.position < message.end) {
      if (++this.#fields > MAX_FIELDS) refuseGraph(`it has more than ${MAX_FIELDS} fields`);
      const { number, wire, value, end } = this.#readHead(message);
      const known = table[number];
      if (known !== undefined) {
        const [name, kind, count, inner] = known;
        const isPacked = count === 'many' && wire === LENGTH && wires[kind] !== LENGTH;
        if (!isPacked && wire !== wires[kind]) refuseGraph(`${message.what} has a field "${name}" of wire type ${wire}`);
        if (count === 'one' && seen.has(number)) refuseGraph(`${message.what} has the field "${name}" twice`);
        if (count === 'one') seen.add(number);
        if (isPacked) this.#checkRun(message, { name, kind, end });
        const field = { number, name, isPacked, value, end };
        if (inner === undefined) visit(field);
        else this.each(this.inside(message, field), inner, (part) => this.#passOver(message, part));
      }
      this.cursor.moveTo(end);
    }
  }

  /** A run of numbers of fixed size consists of whole numbers. */
  #checkRun({ what }: Message, { name, kind, end }: { name: string; kind: FieldKind; end: number }): void {
    const width = kind === 'double' ? 8 : kind === 'float' ? 4 : 1;
    const bytes = end - this.cursor.position;
    if (bytes % width !== 0) refuseGraph(`${what} has ${bytes} bytes of ${name}, no multiple of ${width}`);
  }

  #passOver({ what }: Message, field: Field): void {
    if (field.isPacked) this.cursor.countVarints(field.end, what);
  }

  /** The message that a field holds. */
  inside(message: Message, field: Field, what = `${field.name} of ${message.what}`): Message {
    return { end: field.end, depth: message.depth + 1, what };
  }

  /** A name or another short text. */
  readName(message: Message, field: Field): string {
    return this.cursor.readText(field.end, { most: MAX_NAME_BYTES, what: `"${field.name}" of ${message.what}` });
  }

  /** Whole numbers of a list, which comes packed or one by one. */
  readInts(message: Message, field: Field, into: { list: number[]; most: number }): void {
    const add = (value: number) => {
      if (into.list.length >= into.most) refuseGraph(`${message.what} has more than ${into.most} ${field.name}`);
      into.list.push(value);
    };
    if (!field.isPacked) add(field.value);
    else while (this.cursor.position < field.end) add(this.cursor.readVarint(field.end, message.what));
  }

  #readHead({ end, what }: Message): { number: number; wire: number; value: number; end: number } {
    const tag = this.cursor.readVarint(end, what);
    const number = Math.floor(tag / 8);
    const wire = tag % 8;
    if (!(number >= 1 && number <= MAX_FIELD_NUMBER)) refuseGraph(`${what} has a field of the number ${number}`);
    const value = wire === VARINT || wire === LENGTH ? this.cursor.readVarint(end, what) : 0;
    const fieldEnd = this.cursor.position + payloadBytes(wire, value, what);
    if (!(fieldEnd <= end)) refuseGraph(`${what} ends at byte ${end}, a field in it at byte ${fieldEnd}: is it cut off?`);
    return { number, wire, value, end: fieldEnd };
  }
}

function payloadBytes(wire: number, length: number, what: string): number {
  switch (wire) {
    case VARINT:
      return 0;
    case FIXED64:
      return 8;
    case FIXED32:
      return 4;
    case LENGTH:
      return length < 0 ? refuseGraph(`${what} has a field of negative length`) : length;
    default:
      return refuseGraph(`${what} has a field of wire type ${wire}, which ONNX does not use`);
  }
}

/** What a message is called once its name is known. */
export function labelOf(kind: string, name: string): string {
  return name === '' ? `${kind} without a name` : `${kind} ${quote(name)}`;
}

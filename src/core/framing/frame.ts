/**
 * Frames between gateway and worker: u32 little-endian header length, u32 body length, header (JSON), body (raw bytes). Words travel
 * in the header; tensors and vectors in the body, never as JSON.
 */
const PREFIX_BYTES = 8;
/** Most bytes of one frame; a reader gives up at a larger one. */
export const MAX_FRAME_BYTES = 256 * 1024 * 1024;

/** One message: its words and its raw bytes. */
export interface Frame {
  readonly header: unknown;
  readonly body: Uint8Array;
}

const EMPTY = new Uint8Array(0);

/** The bytes of one frame; `bodies` are laid one after the other. */
export function encodeFrame(header: unknown, bodies: readonly Uint8Array[] = []): Buffer {
  const text = JSON.stringify(header);
  const headerBytes = Buffer.byteLength(text);
  const bodyBytes = bodies.reduce((sum, body) => sum + body.byteLength, 0);
  const frame = Buffer.allocUnsafe(PREFIX_BYTES + headerBytes + bodyBytes);
  frame.writeUInt32LE(headerBytes, 0);
  frame.writeUInt32LE(bodyBytes, 4);
  frame.write(text, PREFIX_BYTES, 'utf8');
  let offset = PREFIX_BYTES + headerBytes;
  for (const body of bodies) {
    frame.set(body, offset);
    offset += body.byteLength;
  }
  return frame;
}

/** Cuts a byte stream into frames. Throws on a frame larger than {@link MAX_FRAME_BYTES} or a header that is not JSON. */
export class FrameReader {
  #pending: Buffer[] = [];
  #pendingBytes = 0;
  #needed = PREFIX_BYTES;

  /** A frame has begun to arrive and is not whole yet. */
  get hasPart(): boolean {
    return this.#pendingBytes > 0;
  }

  push(chunk: Buffer): Frame[] {
    this.#pending.push(chunk);
    this.#pendingBytes += chunk.byteLength;
    if (this.#pendingBytes < this.#needed) return [];
    return this.#cut(this.#pending.length === 1 ? chunk : Buffer.concat(this.#pending));
  }

  #cut(buffer: Buffer): Frame[] {
    const frames: Frame[] = [];
    let offset = 0;
    this.#needed = PREFIX_BYTES;
    while (buffer.byteLength - offset >= PREFIX_BYTES) {
      const headerBytes = buffer.readUInt32LE(offset);
      const bodyBytes = buffer.readUInt32LE(offset + 4);
      const total = PREFIX_BYTES + headerBytes + bodyBytes;
      if (total > MAX_FRAME_BYTES) throw new RangeError(`frame of ${total} bytes exceeds ${MAX_FRAME_BYTES}`);
      if (buffer.byteLength - offset < total) {
        this.#needed = total;
        break;
      }
      const bodyStart = offset + PREFIX_BYTES + headerBytes;
      frames.push({
        header: JSON.parse(buffer.toString('utf8', offset + PREFIX_BYTES, bodyStart)) as unknown,
        body: bodyBytes === 0 ? EMPTY : buffer.subarray(bodyStart, bodyStart + bodyBytes),
      });
      offset += total;
    }
    const rest = buffer.subarray(offset);
    this.#pending = rest.byteLength === 0 ? [] : [rest];
    this.#pendingBytes = rest.byteLength;
    return frames;
  }
}

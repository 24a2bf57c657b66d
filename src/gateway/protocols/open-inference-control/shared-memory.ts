import { constants } from 'node:fs';
import { open, type FileHandle } from 'node:fs/promises';
import { join } from 'node:path';
import { PlinthError } from '../../../core/errors/index.ts';
import { refuseSetting } from './settings-text.ts';

/** A stretch of POSIX shared memory that callers refer to by name. Sizes in bytes. */
export interface MemoryRegion {
  readonly name: string;
  /** The name of the shared memory object, `/input_data`. */
  readonly key: string;
  readonly offset: number;
  readonly byteSize: number;
}

/** A part of a registered region. */
export interface MemoryReference {
  readonly region: string;
  readonly offset: number;
  readonly byteSize: number;
}

interface OpenRegion extends MemoryRegion {
  readonly file: FileHandle;
}

const MEMORY_FOLDER = '/dev/shm';
/** Named semaphores live in the same folder and are nobody's tensors. */
const KEY = /^\/?(?!sem\.)[^/\0]{1,254}$/;
const MOST_REGIONS = 1024;
/** A frame between gateway and worker has room for this much and its words. */
const MOST_BYTES = 192 * 1024 * 1024;

/**
 * Shared memory of callers on this machine, read and written here in the gateway. Off unless the configuration turns it on: whoever may
 * register a region reads and writes shared memory with the rights of this process.
 */
export class SharedMemoryRegions {
  readonly #regions = new Map<string, OpenRegion>();
  readonly #isOn: boolean;

  constructor(use: 'on' | 'off') {
    this.#isOn = use === 'on';
  }

  /** Throws `invalid_request` when the name is taken, or when there is no such memory of that size. */
  async register(region: MemoryRegion): Promise<void> {
    this.#requireOn();
    const { name, key, offset, byteSize } = region;
    if (name === '') throw refuseSetting("'region name' is necessary to register system shared memory region");
    this.#requireFree(name);
    if (!isSize(offset) || !isSize(byteSize) || byteSize === 0 || !KEY.test(key) || key === '.' || key === '..')
      throw refuseSetting(`failed to register shared memory region '${name}': invalid args`);
    const file = await openMemory(key);
    try {
      const stats = await file.stat();
      if (!stats.isFile() || stats.size < offset + byteSize)
        throw refuseSetting(`failed to register shared memory region '${name}': invalid args`);
      this.#requireFree(name);
      this.#regions.set(name, { name, key, offset, byteSize, file });
    } catch (error) {
      await file.close();
      throw error;
    }
  }

  /** The region of that name, or all of them for an empty name. */
  status(name: string): readonly MemoryRegion[] {
    this.#requireOn();
    const regions = name === '' ? [...this.#regions.values()] : [this.#find(name, 'system shared memory')];
    return regions.map(({ file: _, ...region }) => region);
  }

  /** Forgets the region of that name, or all of them for an empty name. A name that is not there is no fault. */
  async unregister(name: string): Promise<void> {
    this.#requireOn();
    await this.#forget(name);
  }

  /** The bytes of an input. Throws `invalid_request`. */
  async read(part: MemoryReference): Promise<Uint8Array> {
    const region = this.#findPart(part);
    if (part.byteSize > MOST_BYTES) throw refuseSetting(`an input may have at most ${MOST_BYTES} bytes`);
    const bytes = Buffer.allocUnsafe(part.byteSize);
    const { bytesRead } = await region.file.read(bytes, 0, part.byteSize, region.offset + part.offset);
    if (bytesRead !== part.byteSize) throw refuseSetting(`Invalid offset + byte size for shared memory region: '${part.region}'`);
    return bytes;
  }

  /** Puts an output where the caller wants it. Throws `invalid_request` when it does not fit. */
  async write(part: MemoryReference, outputName: string, bytes: Uint8Array): Promise<void> {
    const region = this.#findPart(part);
    if (bytes.byteLength > part.byteSize) {
      const message = `shared memory size specified with the request for output '${outputName}' (${part.byteSize} bytes) should be at least ${bytes.byteLength} bytes to hold the results`;
      throw new PlinthError({ code: 'invalid_request', message });
    }
    await region.file.write(bytes, 0, bytes.byteLength, region.offset + part.offset);
  }

  /** Throws `invalid_request` unless the part lies inside a registered region; before work is done for an output. */
  check(part: MemoryReference): void {
    this.#findPart(part);
  }

  async close(): Promise<void> {
    await this.#forget('');
  }

  async #forget(name: string): Promise<void> {
    const gone = [...this.#regions.values()].filter((region) => name === '' || region.name === name);
    for (const region of gone) this.#regions.delete(region.name);
    await Promise.all(gone.map((region) => region.file.close()));
  }

  #findPart(part: MemoryReference): OpenRegion {
    this.#requireOn();
    const region = this.#find(part.region, 'shared memory');
    if (!isSize(part.offset) || part.offset > region.byteSize)
      throw refuseSetting(`Invalid offset for shared memory region: '${part.region}'`);
    if (!isSize(part.byteSize) || part.offset + part.byteSize > region.byteSize)
      throw refuseSetting(`Invalid offset + byte size for shared memory region: '${part.region}'`);
    return region;
  }

  #find(name: string, what: string): OpenRegion {
    const region = this.#regions.get(name);
    if (region === undefined) throw refuseSetting(`Unable to find ${what} region: '${name.slice(0, 128)}'`, 'not_found');
    return region;
  }

  #requireFree(name: string): void {
    if (this.#regions.has(name)) throw refuseSetting(`shared memory region '${name}' already in manager`);
    if (this.#regions.size >= MOST_REGIONS) throw refuseSetting(`at most ${MOST_REGIONS} shared memory regions are possible`);
  }

  #requireOn(): void {
    if (this.#isOn) return;
    const message = "Client shared memory is disabled. Start the server with '--allow-client-shm=true' to enable.";
    throw refuseSetting(message, 'unsupported_capability');
  }
}

/** Memory of a graphics card cannot be shared with callers. Throws `unsupported_capability`. */
export function refuseCudaMemory(): never {
  throw refuseSetting('CUDA shared memory is not supported', 'unsupported_capability');
}

function isSize(value: number): boolean {
  return Number.isSafeInteger(value) && value >= 0;
}

/** A symbolic link is not followed: it could lead out of the folder. */
async function openMemory(key: string): Promise<FileHandle> {
  const name = key.startsWith('/') ? key.slice(1) : key;
  if (name !== '.' && name !== '..') {
    try {
      return await open(join(MEMORY_FOLDER, name), constants.O_RDWR | constants.O_NOFOLLOW | constants.O_NONBLOCK);
    } catch {
      // Answered below, alike for whatever reason: the caller learns nothing of what else is there.
    }
  }
  throw refuseSetting(`Unable to open shared memory region: '${key}'`);
}

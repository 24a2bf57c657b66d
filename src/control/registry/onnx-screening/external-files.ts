import { realpathSync, statSync } from 'node:fs';
import { isAbsolute, join, sep, win32 } from 'node:path';
import { quote, refuseGraph } from './refuse-graph.ts';

const MAX_FILES = 4_096;
const MAX_TOTAL_BYTES = 256 * 1024 ** 3;
/** ONNX Runtime takes tensors of this location from an address in its own memory. */
const MEMORY_MARK = '_ORT_MEM_ADDR_';

/** Where a tensor's bytes lie outside the model file. */
export interface ExternalPlace {
  readonly location: string;
  readonly offset: number;
  readonly bytes: number;
}

/** The files beside a model that its tensors lie in. */
export interface ExternalFiles {
  /** Refuses a place that is not whole inside a regular file of the model's folder. */
  check(place: ExternalPlace, what: string): void;
  /** Their names as the model gives them. */
  readonly names: readonly string[];
  readonly totalBytes: number;
}

/** Looks files up in `folder`; they may not lie outside `limits`, links followed. */
export class FolderFiles implements ExternalFiles {
  readonly #folder: string;
  readonly #limits: string;
  readonly #sizes = new Map<string, number>();
  #declaredBytes = 0;

  constructor({ folder, limits }: { folder: string; limits: string }) {
    this.#folder = folder;
    this.#limits = limits;
  }

  get names(): string[] {
    return [...this.#sizes.keys()];
  }

  get totalBytes(): number {
    return [...this.#sizes.values()].reduce((sum, size) => sum + size, 0);
  }

  check({ location, offset, bytes }: ExternalPlace, what: string): void {
    const size = this.#sizes.get(location) ?? this.#find(location, what);
    if (offset + bytes > size) {
      refuseGraph(`${what} ends at byte ${offset + bytes} of ${quote(location)}, which has ${size}: is it cut off?`);
    }
    this.#declaredBytes += bytes;
    if (this.#declaredBytes > MAX_TOTAL_BYTES) refuseGraph(`its external data takes more than ${MAX_TOTAL_BYTES} bytes`);
  }

  #find(location: string, what: string): number {
    if (this.#sizes.size >= MAX_FILES) refuseGraph(`it names more than ${MAX_FILES} external files`);
    checkLocation(location, what);
    const size = this.#sizeInside(location, what);
    this.#sizes.set(location, size);
    return size;
  }

  #sizeInside(location: string, what: string): number {
    let path: string;
    let limits: string;
    try {
      path = realpathSync(join(this.#folder, location));
      limits = realpathSync(this.#limits);
    } catch {
      return refuseGraph(`${what} lies in ${quote(location)}, which does not exist`);
    }
    if (!path.startsWith(limits.endsWith(sep) ? limits : `${limits}${sep}`)) {
      refuseGraph(`${what} lies in ${quote(location)}, which leads out of the model's folder`);
    }
    const stats = statSync(path);
    if (!stats.isFile()) refuseGraph(`${what} lies in ${quote(location)}, which is no regular file`);
    return stats.size;
  }
}

function checkLocation(location: string, what: string): void {
  const parts = location.split('/');
  const isStrange =
    location === '' ||
    isAbsolute(location) ||
    win32.isAbsolute(location) ||
    /^[a-z]:/i.test(location) ||
    /[\\\0]/.test(location) ||
    parts.includes('..') ||
    location.includes(MEMORY_MARK);
  if (isStrange) refuseGraph(`${what} lies in ${quote(location)}, expected a relative path inside the model's folder`);
}

import { createHash } from 'node:crypto';
import { buildModel, operation, port, tensor, writeModel } from '../../packages/onnx-tools/index.ts';
import type { FileHost, HostedFile } from './file-host.ts';

/** The commit that every hosted repository is at. */
const COMMIT = 'c0ffee'.padEnd(40, '0');

/** y = x + w as an ONNX file of two megabytes; `seed` decides its weights. */
export function writeAdder(seed: number): Buffer {
  const values = Array.from({ length: 512 * 1024 }, (_, at) => (at * seed) % 97);
  const model = buildModel({
    inputs: [port('x', 'FP32', ['batch', values.length])],
    outputs: [port('y', 'FP32', ['batch', values.length])],
    initializers: [tensor('w', 'FP32', { dims: [values.length], values })],
    operations: [operation('Add', ['x', 'w'], ['y'])],
  });
  return Buffer.from(writeModel(model));
}

/** Where a file of the repository `org/repo` lies on a hub. */
export function repositoryUrl(path: string): string {
  return `/org/repo/resolve/${COMMIT}/${path}`;
}

export function hostedFile(content: Buffer): HostedFile {
  return { content, etag: `"${createHash('sha256').update(content).digest('hex').slice(0, 16)}"` };
}

/** Puts the repository `org/repo` on a hub: its description, with `digests` instead of the true ones, and its files. */
export function offerRepository(
  host: FileHost,
  files: Readonly<Record<string, Buffer>>,
  digests: Readonly<Record<string, string>> = {},
): void {
  const siblings = Object.entries(files).map(([path, content]) => {
    const sha256 = digests[path] ?? createHash('sha256').update(content).digest('hex');
    const lfs = /\.(?:onnx|bin|onnx_data)$/.test(path) ? { lfs: { sha256, size: content.length } } : {};
    return { rfilename: path, size: content.length, ...lfs };
  });
  describeRepository(host, { sha: COMMIT, siblings, cardData: { license: 'mit' } });
  for (const [path, content] of Object.entries(files)) host.files.set(repositoryUrl(path), hostedFile(content));
}

/** What a hub says of `org/repo` at `main`. */
export function describeRepository(host: FileHost, description: unknown): void {
  host.files.set('/api/models/org/repo/revision/main', { content: Buffer.from(JSON.stringify(description)) });
}

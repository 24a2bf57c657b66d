import { readdirSync } from 'node:fs';
import { createRequire } from 'node:module';
import { basename, join } from 'node:path';
import { PlinthError } from '../../../core/errors/index.ts';

/** The release that is installed with Plinth. */
export const ONNX_RELEASE = '1.30.0';

const LIBRARY = /^(lib)?onnxruntime(\.so(\.[\d.]+)?|(\.[\d.]+)?\.dylib|\.dll)$/;
const IN_PACKAGE = join('bin', 'napi-v6', process.platform, process.arch);

/**
 * Full path of the shared library that the package `onnxruntime-node` carries for this machine, or of the one in a folder: an unpacked
 * package, an unpacked release of ONNX Runtime, or the folder of the library itself. Throws PlinthError `invalid_request` when the folder
 * holds none, `engine_failed` when none is installed.
 */
export function findOnnxLibrary(givenFolder?: string): string {
  if (givenFolder !== undefined) return findInFolder(givenFolder);
  const require = createRequire(import.meta.url);
  for (const modules of require.resolve.paths('onnxruntime-node') ?? []) {
    const file = findFile(join(modules, 'onnxruntime-node', IN_PACKAGE));
    if (file !== undefined) return file;
  }
  const message =
    `No ONNX Runtime library is installed for ${process.platform}-${process.arch}. ` +
    `Install it with: npm install --ignore-scripts onnxruntime-node@${ONNX_RELEASE}`;
  throw new PlinthError({ code: 'engine_failed', message });
}

function findInFolder(given: string): string {
  for (const folder of [given, join(given, 'lib'), join(given, IN_PACKAGE)]) {
    const file = findFile(folder);
    if (file !== undefined) return file;
  }
  const message = `The folder '${basename(given)}' holds no ONNX Runtime library; expected libonnxruntime.`;
  throw new PlinthError({ code: 'invalid_request', message, param: 'library' });
}

function findFile(folder: string): string | undefined {
  try {
    const file = readdirSync(folder).find((entry) => LIBRARY.test(entry));
    return file === undefined ? undefined : join(folder, file);
  } catch {
    return undefined;
  }
}

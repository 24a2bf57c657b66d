import { existsSync, readdirSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { PlinthError } from '../../../core/errors/index.ts';

/** The one release whose function table this engine has been tried with. */
export const ONNX_RELEASE = '1.30.0';

const LIBRARY = /^(lib)?onnxruntime(\.so\.1|(\.[\d.]+)?\.dylib|\.dll)$/;

/** Full path of the shared library that the package `onnxruntime-node` carries for this machine. */
export function findOnnxLibrary(): string {
  const require = createRequire(import.meta.url);
  const { platform, arch } = process;
  for (const modules of require.resolve.paths('onnxruntime-node') ?? []) {
    const folder = join(modules, 'onnxruntime-node', 'bin', 'napi-v6', platform, arch);
    const file = existsSync(folder) ? readdirSync(folder).find((entry) => LIBRARY.test(entry)) : undefined;
    if (file !== undefined) return join(folder, file);
  }
  const message =
    `No ONNX Runtime library is installed for ${platform}-${arch}. ` +
    `Install it with: npm install --ignore-scripts onnxruntime-node@${ONNX_RELEASE}`;
  throw new PlinthError({ code: 'engine_failed', message });
}

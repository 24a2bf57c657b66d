import { existsSync, readdirSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { PlinthError } from '../../../core/errors/index.ts';

/** The one release of the prebuilt libraries whose layouts this engine knows. */
export const LIBRARY_RELEASE = '3.22.1';

export interface LibraryLocation {
  readonly folder: string;
  /** `cpu`, `cuda`, `vulkan` or `metal`. */
  readonly device: string;
}

/** Packages of the family that fit this machine, the fastest device first. */
function candidates(): readonly (readonly [packageName: string, device: string])[] {
  const { platform, arch } = process;
  if (platform === 'darwin') return arch === 'arm64' ? [['mac-arm64-metal', 'metal']] : [['mac-x64', 'cpu']];
  if (platform === 'win32') {
    return arch === 'x64'
      ? [
          ['win-x64-cuda', 'cuda'],
          ['win-x64-vulkan', 'vulkan'],
          ['win-x64', 'cpu'],
        ]
      : [['win-arm64', 'cpu']];
  }
  return [
    [`linux-${arch}-cuda`, 'cuda'],
    [`linux-${arch}-vulkan`, 'vulkan'],
    [`linux-${arch}`, 'cpu'],
  ];
}

/**
 * The folder with the shared libraries of an installed `@node-llama-cpp/<platform>` package. An accelerator's package is preferred
 * unless `device` is `cpu`.
 */
export function findLibrary(device: 'best' | 'cpu'): LibraryLocation {
  const fitting = candidates().filter((candidate) => device === 'best' || candidate[1] === 'cpu' || candidate[1] === 'metal');
  for (const [packageName, deviceName] of fitting) {
    const folder = libraryFolder(packageName);
    if (folder !== undefined) return { folder, device: deviceName };
  }
  const wanted = candidates().map(([name]) => `@node-llama-cpp/${name}`);
  throw new PlinthError({
    code: 'engine_failed',
    message:
      `No llama.cpp library is installed for ${process.platform}-${process.arch}; looked for ${wanted.join(', ')}. ` +
      `Install one with: npm install @node-llama-cpp/${candidates().at(-1)?.[0]}@${LIBRARY_RELEASE}`,
  });
}

function libraryFolder(packageName: string): string | undefined {
  const require = createRequire(import.meta.url);
  for (const modules of require.resolve.paths('@node-llama-cpp/any') ?? []) {
    const bins = join(modules, '@node-llama-cpp', packageName, 'bins');
    if (!existsSync(bins)) continue;
    const release = releaseOf(join(dirname(bins), 'package.json'), require);
    const build = readdirSync(bins)[0];
    if (release === LIBRARY_RELEASE && build !== undefined) return join(bins, build);
  }
  return undefined;
}

function releaseOf(packageFile: string, require: NodeJS.Require): string | undefined {
  const description: unknown = require(packageFile);
  if (typeof description !== 'object' || description === null || !('version' in description)) return undefined;
  return typeof description.version === 'string' ? description.version : undefined;
}

/** Full path of a library whose file name may carry a version: `libllama.v0.5.0.so`. */
export function libraryFile(folder: string, name: string): string {
  const pattern = new RegExp(`^(lib)?${name}(\\.v[\\d.]+)?\\.(so|dylib|dll)$`);
  const file = readdirSync(folder).find((entry) => pattern.test(entry));
  if (file !== undefined) return join(folder, file);
  throw new PlinthError({ code: 'engine_failed', message: `The llama.cpp package lacks the library ${name}; install it again.` });
}

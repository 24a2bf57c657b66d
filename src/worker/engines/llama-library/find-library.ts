import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { basename, dirname, join } from 'node:path';
import { PlinthError } from '../../../core/errors/index.ts';

/** The release of the prebuilt libraries that is installed with Plinth. */
const LIBRARY_RELEASE = '3.22.1';

export interface LibraryLocation {
  readonly folder: string;
  /** `cpu`, `cuda`, `vulkan` or `metal`. */
  readonly device: string;
  /** Of the package that the folder belongs to; absent for libraries that come from elsewhere. */
  readonly release?: string;
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
 * unless `device` is `cpu`. Where a folder is given, the libraries in it: it holds them itself, or is an unpacked package of that family.
 * Throws PlinthError `invalid_request` when the folder holds none, `engine_failed` when none are installed.
 */
export function findLibrary(device: 'best' | 'cpu', givenFolder?: string): LibraryLocation {
  if (givenFolder !== undefined) return locate(givenFolder);
  const fitting = candidates().filter((candidate) => device === 'best' || candidate[1] === 'cpu' || candidate[1] === 'metal');
  for (const [packageName, deviceName] of fitting) {
    const folder = libraryFolder(packageName);
    if (folder !== undefined) return { folder, device: deviceName, release: LIBRARY_RELEASE };
  }
  const wanted = candidates().map(([name]) => `@node-llama-cpp/${name}`);
  throw new PlinthError({
    code: 'engine_failed',
    message:
      `No llama.cpp library is installed for ${process.platform}-${process.arch}; looked for ${wanted.join(', ')}. ` +
      `Install one with: npm install @node-llama-cpp/${candidates().at(-1)?.[0]}@${LIBRARY_RELEASE}`,
  });
}

function locate(given: string): LibraryLocation {
  const bins = join(given, 'bins');
  const builds = listFolder(bins).map((build) => join(bins, build));
  const folder = [given, ...builds].find((candidate) => findFile(candidate, 'llama') !== undefined);
  if (folder === undefined) {
    const message = `The folder '${basename(given)}' holds no llama.cpp libraries; expected libllama, libggml and libggml-base.`;
    throw new PlinthError({ code: 'invalid_request', message, param: 'library' });
  }
  const accelerator = ['cuda', 'vulkan', 'metal'].find((name) => findFile(folder, `ggml-${name}`) !== undefined);
  const release = releaseOfFolder(folder);
  return { folder, device: accelerator ?? 'cpu', ...(release !== undefined && { release }) };
}

/** Packages of the family keep their libraries in `bins/<build>`. */
function releaseOfFolder(folder: string): string | undefined {
  try {
    const description: unknown = JSON.parse(readFileSync(join(folder, '..', '..', 'package.json'), 'utf8'));
    const { name, version } = description as { readonly name?: unknown; readonly version?: unknown };
    const isOfFamily = typeof name === 'string' && name.startsWith('@node-llama-cpp/');
    return isOfFamily && typeof version === 'string' ? version : undefined;
  } catch {
    return undefined;
  }
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

/** Full path of a library whose file name may carry a version: `libllama.v0.5.0.so`, `libllama.b10361.so`. */
export function libraryFile(folder: string, name: string): string {
  const file = findFile(folder, name);
  if (file !== undefined) return join(folder, file);
  throw new PlinthError({
    code: 'engine_failed',
    message: `The folder '${basename(folder)}' lacks the library ${name} of llama.cpp.`,
  });
}

function findFile(folder: string, name: string): string | undefined {
  const pattern = new RegExp(String.raw`^(lib)?${name}(\.[vb][\d.]+)?\.(so|dylib|dll)$`);
  return listFolder(folder).find((entry) => pattern.test(entry));
}

function listFolder(folder: string): readonly string[] {
  try {
    return readdirSync(folder);
  } catch {
    return [];
  }
}

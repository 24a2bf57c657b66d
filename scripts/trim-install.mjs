// Removes what pinned packages bring along and nothing here uses, right after an install. Runs as npm's `prepare`, which is for
// working copies only; it looks at nothing but the node_modules beside it and never fails an install.
import { existsSync, readdirSync, rmSync } from 'node:fs';
import { join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('..', import.meta.url));

/** Paths under node_modules that may be missing because of this. */
export function listTrimmed() {
  return [...listOtherEngines(), ...listOtherRuntimes(), ...listNodeDistribution()];
}

/** The linux-arm64 build of llama.cpp declares x64 as well, and the other way round: 20 to 30 MB that cannot be loaded. */
function listOtherEngines() {
  const builds = ['linux-x64', 'linux-arm64'];
  const own = `linux-${process.arch}`;
  return builds.includes(own)
    ? builds.filter((build) => build !== own).map((build) => `node_modules/@node-llama-cpp/${build}`)
    : [];
}

/** One package brings ONNX Runtime for five platforms, 245 MB of which belong to others. */
function listOtherRuntimes() {
  const folder = 'node_modules/onnxruntime-node/bin/napi-v6';
  const platforms = ['linux/x64', 'linux/arm64', 'darwin/arm64', 'win32/x64', 'win32/arm64'];
  const own = `${process.platform}/${process.arch}`;
  return platforms.includes(own)
    ? platforms.filter((platform) => platform !== own).map((platform) => `${folder}/${platform}`)
    : [];
}

/** 190 MB of headers, npm and documents around one binary, which the package `node` has linked to a place of its own. */
function listNodeDistribution() {
  const folder = 'node_modules/node/node_modules';
  if (!existsSync(join(root, 'node_modules/node/bin/node')) || !existsSync(join(root, folder))) return [];
  return readdirSync(join(root, folder))
    .filter((name) => name.startsWith('node-'))
    .map((name) => `${folder}/${name}`);
}

/** What packages carry a second time (their sources beside the compiled form), for their own tests or for other languages: 24 MB. */
const SPARE_FOLDERS = [
  'openai/src',
  'zod/src',
  'fastify/test',
  'ogg-opus-decoder/dist',
  '@wasm-audio-decoders/opus-ml/dist',
  '@wasm-audio-decoders/flac/dist',
  '@wasm-audio-decoders/ogg-vorbis/dist',
  'mpg123-decoder/dist',
  'bintrees/test',
  'prettier/plugins/flow.mjs',
].map((folder) => `node_modules/${folder}`);

/** Source maps of everybody, 15 MB, and the CommonJS halves of packages that are only imported, 8 MB. */
const SPARE_FILES = [
  { folder: 'node_modules', pattern: /\.map$/ },
  { folder: 'node_modules/openai', pattern: /\.d\.ts$/ },
  { folder: 'node_modules/prettier/plugins', pattern: /\.js$/ },
];

export function trimInstall() {
  for (const path of [...listTrimmed(), ...SPARE_FOLDERS]) remove(path);
  for (const { folder, pattern } of SPARE_FILES) removeFiles(folder, pattern);
}

function removeFiles(folder, pattern) {
  if (!existsSync(join(root, folder))) return;
  for (const entry of readdirSync(join(root, folder), { recursive: true, withFileTypes: true })) {
    if (entry.isFile() && pattern.test(entry.name)) remove(relative(root, join(entry.parentPath, entry.name)));
  }
}

function remove(path) {
  try {
    rmSync(join(root, path), { recursive: true, force: true });
  } catch {
    // Space is all that is lost.
  }
}

if (process.argv[1] === fileURLToPath(import.meta.url)) trimInstall();

import { cpSync, existsSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { quantizeWeights } from '../../examples/make-embedding-releases.ts';
import { damage, requantize } from '../../examples/make-releases.ts';
import { obtainModel, obtainTestModel, TEST_HOME } from './test-model.ts';

const FOLDER = join(TEST_HOME, 'releases');
const GRAPH = join('onnx', 'model.onnx');
const CUT_BYTES = 40_000_000;

/** A language model and what may follow it. Absolute paths. */
export interface LanguageReleases {
  readonly original: string;
  /** The same weights in Q4_0. */
  readonly requantized: string;
  /** It loads and is as quick, and talks nonsense. */
  readonly damaged: string;
  /** The file ends in the middle of its weights. */
  readonly cutOff: string;
}

/** The releases of smollm2, written once for all test files. */
export async function makeLanguageReleases(): Promise<LanguageReleases> {
  const original = await obtainTestModel();
  const make = (name: string, change: (file: Buffer) => Uint8Array): string =>
    once(`${basename(original).slice(0, 24)}-${name}.gguf`, (path) => writeFileSync(path, change(readFileSync(original))));
  return {
    original,
    requantized: make('requantized', requantize),
    damaged: make('damaged', damage),
    cutOff: make('cut-off', (file) => file.subarray(0, CUT_BYTES)),
  };
}

/** An embedding model and what may follow it: 8-bit weights with the right scales, and with each other's. Folders. */
export interface EmbeddingReleases {
  readonly original: string;
  readonly good: string;
  readonly broken: string;
}

/** The releases of MiniLM, written once for all test files. */
export async function makeEmbeddingReleases(): Promise<EmbeddingReleases> {
  const { folderPath: original = '' } = await obtainModel('minilm');
  const make = (name: string, scales: 'right' | 'mixed-up'): string =>
    once(`${basename(original).slice(0, 24)}-${name}`, (path) => {
      cpSync(original, path, { recursive: true, dereference: true, filter: (from) => !from.endsWith(GRAPH) });
      mkdirSync(dirname(join(path, GRAPH)), { recursive: true });
      writeFileSync(join(path, GRAPH), quantizeWeights(readFileSync(join(original, GRAPH)), scales));
    });
  return { original, good: make('good-int8', 'right'), broken: make('broken-int8', 'mixed-up') };
}

/** Written beside its place and moved there whole: other test files may do the same at the same time. */
function once(name: string, write: (path: string) => void): string {
  const path = join(FOLDER, name);
  if (existsSync(path)) return path;
  mkdirSync(FOLDER, { recursive: true });
  const draft = `${path}.${process.pid}`;
  write(draft);
  if (existsSync(path)) rmSync(draft, { recursive: true });
  else renameSync(draft, path);
  return path;
}

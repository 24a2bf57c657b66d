import { execFileSync, spawn, type SpawnOptionsWithStdioTuple, type StdioNull, type StdioPipe } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, cpSync, existsSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import sharp from 'sharp';
import { drawText } from '../support/bitmap-text.ts';
import { ADMIN_KEY, API_KEY, serve, type Served } from '../support/serve.ts';
import { obtainSpeech } from '../support/speech-sample.ts';
import type { RunnableBlock } from './runnable-blocks.ts';

export const root = fileURLToPath(new URL('../../', import.meta.url));
const BLOCK_LIMIT_MS = 240_000;

type BlockOptions = SpawnOptionsWithStdioTuple<StdioNull, StdioPipe, StdioPipe>;

export interface RunResult {
  readonly code: number | null;
  readonly output: string;
}

interface ReaderFile {
  readonly name: string;
  readonly bytes: Uint8Array;
}

/**
 * A serve with the models of the guides, as a reader has it on ports 8080, 8081 and 8001: fresh home, models fetched, the small model
 * repository made.
 */
export class ServedGuides {
  readonly #served: Served;
  readonly #folder: string;
  readonly #files: readonly ReaderFile[];
  readonly #env: NodeJS.ProcessEnv;

  private constructor(served: Served, folder: string, files: readonly ReaderFile[]) {
    this.#served = served;
    this.#folder = folder;
    this.#files = files;
    this.#env = { ...readerEnvironment(folder), PLINTH_HOME: served.home };
  }

  static async start(): Promise<ServedGuides> {
    const folder = mkdtempSync(join(tmpdir(), 'plinth-guides-'));
    const repository = join(folder, 'models');
    execFileSync(process.execPath, [join(root, 'examples/make-models.ts'), repository]);
    const files = await readerFiles();
    const models = ['smollm2', 'minilm', 'whisper-tiny', 'paddle-ocr', repository];
    const served = await serve({
      config: { models, repository: { controlMode: 'explicit', loadModels: ['*'] }, releases: { captureShare: 1 } },
      env: inheritedEnvironment(),
    });
    return new ServedGuides(served, folder, files);
  }

  /** Runs a block; the blocks of one document share a working folder. */
  async run(block: RunnableBlock): Promise<RunResult> {
    const cwd = join(this.#folder, block.place.replace(/:\d+$/, '').replaceAll(/[^a-z]+/gi, '-'));
    this.#furnish(cwd);
    const code = block.code
      .replaceAll('http://127.0.0.1:8080', this.#served.url)
      .replaceAll('http://127.0.0.1:8081', this.#served.managementUrl)
      .replaceAll('127.0.0.1:8001', this.#served.grpcAddress ?? '');
    const limits: BlockOptions = { stdio: ['ignore', 'pipe', 'pipe'], timeout: BLOCK_LIMIT_MS, killSignal: 'SIGKILL' };
    const child =
      block.language === 'sh'
        ? spawn('bash', ['-euo', 'pipefail', '-c', code], { cwd, env: this.#env, ...limits })
        : spawn(process.execPath, ['--input-type=module', '--eval', code], { cwd, env: this.#env, ...limits });
    let output = '';
    child.stdout.setEncoding('utf8').on('data', (text: string) => (output += text));
    child.stderr.setEncoding('utf8').on('data', (text: string) => (output += text));
    await once(child, 'close');
    return { code: child.exitCode, output };
  }

  /** What a reader has at hand who stands in a clone: its packages, definitions and examples, and files of their own. */
  #furnish(cwd: string): void {
    if (existsSync(cwd)) return;
    mkdirSync(cwd);
    for (const name of ['node_modules', 'proto']) symlinkSync(join(root, name), join(cwd, name));
    // Through a link a script would not know that it was the one that was called.
    cpSync(join(root, 'examples'), join(cwd, 'examples'), { recursive: true });
    for (const { name, bytes } of this.#files) writeFileSync(join(cwd, name), bytes);
  }

  async stop(): Promise<void> {
    await this.#served.stop();
    rmSync(this.#folder, { recursive: true, force: true });
  }
}

/** `plinth` on the PATH is this repository's; everything else is what a reader has. */
function readerEnvironment(folder: string): NodeJS.ProcessEnv {
  const bin = join(folder, 'bin');
  const shim = join(bin, 'plinth');
  mkdirSync(bin);
  writeFileSync(shim, `#!/bin/sh\nexec '${process.execPath}' '${join(root, 'src/cli/plinth.ts')}' "$@"\n`);
  chmodSync(shim, 0o755);
  const path = [bin, process.env['PATH']].join(delimiter);
  return { ...process.env, PATH: path, PLINTH_API_KEY: API_KEY, PLINTH_ADMIN_KEY: ADMIN_KEY };
}

async function readerFiles(): Promise<readonly ReaderFile[]> {
  const { width, height, pixels } = drawText(['HELLO STONE', 'PLINTH'], 4);
  const page = await sharp(pixels, { raw: { width, height, channels: 3 } })
    .png()
    .toBuffer();
  return [
    { name: 'speech.wav', bytes: await obtainSpeech() },
    { name: 'page.png', bytes: page },
  ];
}

/** The settings of this machine's pip, npm and proxy travel in variables and under HOME; the model's sources need them. */
function inheritedEnvironment(): Record<string, string> {
  return Object.fromEntries(Object.entries(process.env).filter((entry): entry is [string, string] => entry[1] !== undefined));
}

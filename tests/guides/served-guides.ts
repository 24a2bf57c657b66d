import { spawn, type SpawnOptionsWithStdioTuple, type StdioNull, type StdioPipe } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { ADMIN_KEY, API_KEY, serve, type Served } from '../support/serve.ts';
import type { RunnableBlock } from './runnable-blocks.ts';

export const root = fileURLToPath(new URL('../../', import.meta.url));
const BLOCK_LIMIT_MS = 120_000;

type BlockOptions = SpawnOptionsWithStdioTuple<StdioNull, StdioPipe, StdioPipe>;

export interface RunResult {
  readonly code: number | null;
  readonly output: string;
}

/** A serve with the default model, as a reader of the guides has it on ports 8080 and 8081: fresh home, model fetched. */
export class ServedGuides {
  readonly #served: Served;
  readonly #folder: string;
  readonly #env: NodeJS.ProcessEnv;

  private constructor(served: Served, folder: string) {
    this.#served = served;
    this.#folder = folder;
    this.#env = { ...readerEnvironment(folder), PLINTH_HOME: served.home };
  }

  static async start(): Promise<ServedGuides> {
    const served = await serve({ config: {}, env: inheritedEnvironment() });
    return new ServedGuides(served, mkdtempSync(join(tmpdir(), 'plinth-guides-')));
  }

  /** Runs a block; the blocks of one document share a working folder. */
  async run(block: RunnableBlock): Promise<RunResult> {
    const cwd = join(this.#folder, block.place.replace(/:\d+$/, '').replaceAll(/[^a-z]+/gi, '-'));
    mkdirSync(cwd, { recursive: true });
    const code = block.code
      .replaceAll('http://127.0.0.1:8080', this.#served.url)
      .replaceAll('http://127.0.0.1:8081', this.#served.managementUrl);
    const limits: BlockOptions = { stdio: ['ignore', 'pipe', 'pipe'], timeout: BLOCK_LIMIT_MS, killSignal: 'SIGKILL' };
    // A module is found from where the code stands, and only the repository has the stock client installed.
    const child =
      block.language === 'sh'
        ? spawn('bash', ['-euo', 'pipefail', '-c', code], { cwd, env: this.#env, ...limits })
        : spawn(process.execPath, ['--input-type=module', '--eval', code], { cwd: root, env: this.#env, ...limits });
    let output = '';
    child.stdout.setEncoding('utf8').on('data', (text: string) => (output += text));
    child.stderr.setEncoding('utf8').on('data', (text: string) => (output += text));
    await once(child, 'close');
    return { code: child.exitCode, output };
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

/** The settings of this machine's pip, npm and proxy travel in variables and under HOME; the model's sources need them. */
function inheritedEnvironment(): Record<string, string> {
  return Object.fromEntries(Object.entries(process.env).filter((entry): entry is [string, string] => entry[1] !== undefined));
}

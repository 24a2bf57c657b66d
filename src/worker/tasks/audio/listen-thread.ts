// A thread of the worker: decoders do not always come back from a hostile file, and a long one would hold up the loop.
import { parentPort, workerData } from 'node:worker_threads';
import { errorFactsOf } from '../../../core/errors/index.ts';
import { measureSound, type SoundRequest } from './measure-sound.ts';

try {
  const sound = await measureSound(workerData as SoundRequest);
  parentPort?.postMessage({ sound }, [sound.values.buffer as ArrayBuffer]);
} catch (thrown) {
  parentPort?.postMessage({ error: errorFactsOf(thrown) });
}

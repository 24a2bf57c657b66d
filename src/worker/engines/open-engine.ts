import type { ModelSpec } from '../../core/models/index.ts';
import type { Engine } from './engine.ts';

/** Loads a model into the engine that its spec names. Only that engine's code is brought into the process. */
export async function openEngine(spec: ModelSpec): Promise<Engine> {
  switch (spec.engine) {
    case 'echo': {
      const { EchoEngine } = await import('./echo/index.ts');
      return new EchoEngine(spec);
    }
    case 'llama': {
      const { openLlamaEngine } = await import('./llama/index.ts');
      return openLlamaEngine(spec);
    }
    case 'onnx': {
      const { openOnnxDecoder } = await import('./onnx-decoder/index.ts');
      return openOnnxDecoder(spec);
    }
  }
}

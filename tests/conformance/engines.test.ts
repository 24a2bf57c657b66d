import { after, suite, test } from 'node:test';
import { engineConformance, openEngine, type Engine } from '../../src/worker/engines/index.ts';
import { defaultOnnxOptions, type ModelSpec } from '../../src/core/models/index.ts';
import { obtainDecoder } from '../support/decoder-model.ts';
import { obtainTestModel } from '../support/test-model.ts';

const spec = {
  name: 'conformance',
  slots: 4,
  contextTokens: 2048,
  threads: 2,
  gpuLayers: 0,
  queueLength: 8,
  queueTimeoutMs: 1000,
  memoryLimitBytes: 0,
  stepMs: 0,
  version: '1',
  task: 'generate',
  onnx: defaultOnnxOptions,
} as const;

function runConformance(name: string, engine: Engine): void {
  suite(name, () => {
    for (const check of engineConformance) test(`${name}: ${check.title}`, () => check.run(engine));
    after(() => engine.close());
  });
}

const specs: readonly ModelSpec[] = [
  { ...spec, engine: 'echo' },
  { ...spec, engine: 'llama', filePath: await obtainTestModel() },
  { ...spec, engine: 'onnx', ...(await obtainDecoder()) },
];
for (const one of specs) runConformance(one.engine, await openEngine(one));

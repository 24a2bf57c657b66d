// The cases of the ONNX project through Plinth's REST and gRPC doors, beside the same cases in ONNX Runtime itself:
//   node benchmarks/onnx-conformance.ts [--data FOLDER] [--only PATTERN] [--at-once N] [--every N]
import { parseArgs } from 'node:util';
import { readCase } from '../tests/conformance/onnx/case-file.ts';
import { findPackagedCases, listCaseFolders, prepareOnnxPython } from '../tests/conformance/onnx/obtain-cases.ts';
import { NO_ANSWER, serveCases, type DoorResults } from '../tests/conformance/onnx/served-cases.ts';
import { runDirectly } from './conformance/run-directly.ts';
import { writeConformanceReport } from './conformance/report.ts';

const { values } = parseArgs({
  options: {
    data: { type: 'string' },
    only: { type: 'string', default: '' },
    'at-once': { type: 'string', default: '4' },
    every: { type: 'string', default: '1' },
    name: { type: 'string', default: 'onnx-conformance' },
  },
});

const python = await prepareOnnxPython();
const data = values.data ?? findPackagedCases(python);
const folders = listCaseFolders(data)
  .filter((folder) => new RegExp(values.only).test(folder))
  .filter((_, index) => index % Number(values.every) === 0);
const cases = folders.map(readCase);
const direct = await runDirectly(python, folders);

await using served = await serveCases(cases.filter(({ notTensors }) => notTensors === undefined));
const results = new Map<string, DoorResults>();
const waiting = cases.filter(({ notTensors }) => notTensors === undefined);
const workers = Array.from({ length: Number(values['at-once']) }, async () => {
  for (let one = waiting.shift(); one !== undefined; one = waiting.shift()) {
    const result = await served.check(one);
    results.set(one.name, result);
    if (result.load.startsWith(NO_ANSWER) || result.unload.startsWith(NO_ANSWER))
      console.log(`${one.name}: ${JSON.stringify(result)}`);
    if (results.size % 100 === 0) console.log(`${results.size} cases asked, ${waiting.length} to go`);
  }
});
await Promise.all(workers);
writeConformanceReport(values.name, { cases, direct, results });

// Writes a model repository, in the form that Triton reads, whose model `ocr` is an ensemble that reads text in pictures:
//   plinth pull paddle-ocr
//   node examples/make-ocr-ensemble.ts ./models <the folder that was printed>
//   plinth serve ./models
import { copyFileSync, existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describeModel, readModel } from '../packages/onnx-tools/index.ts';

const [target = '', source = ''] = process.argv.slice(2);
if (source === '') {
  stop(
    'Usage: node examples/make-ocr-ensemble.ts <models folder> <folder of paddle-ocr>\n' +
      '`plinth pull paddle-ocr` fetches the files and prints their folder.',
  );
}

/** The steps between the graphs, which Plinth brings along. */
const operators = ['read_picture', 'find_text', 'turn_lines', 'read_characters'];
const graphs = ['detection', 'classification', 'recognition'] as const;
const missing = graphs.find((name) => !existsSync(join(source, `${name}.onnx`)));
if (missing !== undefined) {
  stop(`There is no ${missing}.onnx in ${source}.`);
}

const recognizer = readModel(readFileSync(join(source, 'recognition.onnx')));
const characters = recognizer.metadataProps.find(({ key }) => key === 'character')?.value;
const ownDictionary = join(source, 'dictionary.txt');
const dictionary = existsSync(ownDictionary) ? readFileSync(ownDictionary, 'utf8') : characters;
if (dictionary === undefined) {
  stop(`There is no dictionary.txt in ${source}, and recognition.onnx does not carry its characters.`);
}

const ports = new Map(graphs.map((name) => [name, copyGraph(name)]));
for (const name of operators) write(name, operatorConfig(name));
writeFileSync(join(target, 'read_characters', 'dictionary.txt'), dictionary);
write('ocr', ensembleConfig());
process.stdout.write(`Wrote the ensemble ocr and its steps to ${target}.\n`);

function stop(problem: string): never {
  process.stderr.write(`${problem}\n`);
  process.exit(2);
}

interface Ports {
  readonly input: string;
  readonly output: string;
}

function write(name: string, config: string): void {
  mkdirSync(join(target, name, '1'), { recursive: true });
  writeFileSync(join(target, name, 'config.pbtxt'), config);
}

/** Ports are named as the file names them. Whole pictures and whole batches of lines go through: nothing is batched. */
function copyGraph(name: (typeof graphs)[number]): Ports {
  const file = join(source, `${name}.onnx`);
  const { inputs, outputs } = describeModel(readModel(readFileSync(file)));
  const [input, output] = [inputs[0], outputs[0]].map((port) => port?.name ?? '');
  write(name, `name: "${name}"\nbackend: "onnxruntime"\nmax_batch_size: 0\n`);
  copyFileSync(file, join(target, name, '1', 'model.onnx'));
  return { input: input ?? '', output: output ?? '' };
}

function operatorConfig(name: string): string {
  const parameter = (key: string, value: string) => `parameters { key: "${key}" value { string_value: "${value}" } }\n`;
  const dictionaryName = name === 'read_characters' ? parameter('dictionary', 'dictionary.txt') : '';
  return `name: "${name}"\nbackend: "plinth"\n${parameter('operator', name)}${dictionaryName}`;
}

type Names = Readonly<Record<string, string>>;

function ensembleConfig(): string {
  const steps = [
    step('read_picture', { IMAGE: 'IMAGE' }, { PIXELS: 'pixels', PLANES: 'planes' }),
    graphStep('detection', 'planes', 'map'),
    step(
      'find_text',
      { MAP: 'map', PIXELS: 'pixels' },
      { LINES: 'lines', SAMPLES: 'samples', WIDTHS: 'widths', REGIONS: 'regions' },
    ),
    graphStep('classification', 'samples', 'turns'),
    step('turn_lines', { SCORES: 'turns', LINES: 'lines', WIDTHS: 'widths' }, { UPRIGHT: 'upright' }),
    graphStep('recognition', 'upright', 'characters'),
    step('read_characters', { SCORES: 'characters', REGIONS: 'regions' }, { TEXT: 'TEXT', SCORE: 'SCORE', CORNERS: 'CORNERS' }),
  ];
  return `name: "ocr"
platform: "ensemble"
input [ { name: "IMAGE" data_type: TYPE_STRING dims: [ 1 ] } ]
output [
  { name: "TEXT" data_type: TYPE_STRING dims: [ -1 ] },
  { name: "SCORE" data_type: TYPE_FP32 dims: [ -1 ] },
  { name: "CORNERS" data_type: TYPE_FP32 dims: [ -1, 4, 2 ] }
]
ensemble_scheduling {
${steps.join('\n')}
}
`;
}

function graphStep(name: (typeof graphs)[number], from: string, to: string): string {
  const { input = '', output = '' } = ports.get(name) ?? {};
  return step(name, { [input]: from }, { [output]: to });
}

function step(model: string, inputs: Names, outputs: Names): string {
  const list = (field: string, names: Names) =>
    Object.entries(names).map(([key, value]) => `    ${field} { key: "${key}" value: "${value}" }`);
  const lines = [...list('input_map', inputs), ...list('output_map', outputs)];
  return `  step {\n    model_name: "${model}"\n    model_version: -1\n${lines.join('\n')}\n  }`;
}

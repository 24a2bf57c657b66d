import { existsSync, realpathSync } from 'node:fs';
import { isAbsolute, relative, resolve, sep } from 'node:path';
import { PlinthError } from '../../../core/errors/index.ts';
import type { Tensor } from '../../../core/inference/index.ts';
import { readAlphabet, readCharacters, readDictionary } from '../reading/index.ts';
import { encodeTexts } from '../tensors/index.ts';
import { floatsOf, floatTensor } from '../vision/index.ts';
import { portOf, refuse, tensorAt, type Operator, type OperatorSettings } from './operator.ts';

const DEFAULT_THRESHOLD = 0.5;
const CORNER_FLOATS = 8;

interface Reading {
  /** A character a line. */
  readonly dictionary: string;
  /** Lines that are less sure are left out. */
  readonly threshold: number;
}

/**
 * A recognizer's scores [lines, steps, classes] and the lines' corners → what the lines say. Parameters: `dictionary`, a text file of the
 * model's folder or an .onnx file there that carries its characters; `threshold`. Lines without text are left out, and rows of SCORES
 * that no region belongs to.
 */
export function openReadCharacters({ folder, parameters }: OperatorSettings): Operator {
  const dictionary = readDictionary(folder, checkPlace(folder, parameters['dictionary'] ?? 'dictionary.txt'));
  const reading = { dictionary, threshold: readThreshold(parameters['threshold']) };
  return {
    inputs: [portOf('SCORES', 'FP32', [-1, -1, -1]), portOf('REGIONS', 'FP32', [-1, 4, 2])],
    outputs: [portOf('TEXT', 'BYTES', [-1]), portOf('SCORE', 'FP32', [-1]), portOf('CORNERS', 'FP32', [-1, 4, 2])],
    begin: (inputs) => () => readLines(tensorAt(inputs, 0), tensorAt(inputs, 1), reading),
  };
}

function readLines(scores: Tensor, regions: Tensor, { dictionary, threshold }: Reading): readonly Tensor[] {
  const [rows = 0, steps = 0, classes = 0] = scores.shape;
  const count = regions.shape[0] ?? 0;
  if (rows < count) refuse(`SCORES must have a row for each of the ${count} REGIONS, got ${rows}`);
  const values = floatsOf(scores);
  const corners = floatsOf(regions);
  const alphabet = readAlphabet(dictionary, classes);
  const size = steps * classes;
  const found = Array.from({ length: count }, (_, row) => {
    const own = { values: values.subarray(row * size, (row + 1) * size), steps, classes };
    return { row, ...readCharacters(own, alphabet) };
  }).filter(({ text, score }) => text !== '' && score >= threshold);
  const kept = found.flatMap(({ row }) => [...corners.subarray(row * CORNER_FLOATS, (row + 1) * CORNER_FLOATS)]);
  return [
    { name: 'TEXT', datatype: 'BYTES', shape: [found.length], data: encodeTexts(found.map(({ text }) => text)) },
    floatTensor(
      'SCORE',
      [found.length],
      Float32Array.from(found, ({ score }) => score),
    ),
    floatTensor('CORNERS', [found.length, 4, 2], Float32Array.from(kept)),
  ];
}

function readThreshold(text: string | undefined): number {
  const threshold = Number(text ?? DEFAULT_THRESHOLD);
  if (text !== '' && threshold >= 0 && threshold <= 1) return threshold;
  throw misconfigured(`parameters["threshold"] must be a number between 0 and 1, got ${JSON.stringify(text)}`);
}

/** Links may not lead out of the folder either: what the file says can be read in answers. */
function checkPlace(folder: string, name: string): string {
  const path = resolve(folder, name);
  const isThere = existsSync(path);
  const inside = relative(isThere ? realpathSync(folder) : folder, isThere ? realpathSync(path) : path);
  const isInside = inside !== '' && inside !== '..' && !inside.startsWith(`..${sep}`) && !isAbsolute(inside);
  if (isInside && !isAbsolute(name)) return name;
  throw misconfigured(`parameters["dictionary"] must be a file inside the model's folder, got ${JSON.stringify(name)}`);
}

function misconfigured(message: string): PlinthError {
  return new PlinthError({ code: 'invalid_model_file', message });
}

import { join } from 'node:path';
import { PlinthError } from '../../../core/errors/index.ts';
import { readFileSummary, readTextFile } from '../vision/index.ts';

/**
 * A recognizer's characters, one a line: a text file of the model's folder, or the entry "character" in the metadata of an `.onnx` file
 * there. Throws PlinthError `invalid_model_file`.
 */
export function readDictionary(folder: string, fileName: string): string {
  const isModel = fileName.endsWith('.onnx');
  const dictionary = isModel ? readFileSummary(join(folder, fileName)).metadata.get('character') : readTextFile(folder, fileName);
  if (dictionary !== undefined) return dictionary;
  const missing = isModel ? `${fileName} has no entry "character" in its metadata` : `there is no ${fileName}`;
  const message = `A text reader needs its characters, a dictionary.txt or an entry "character" in the metadata of its recognizer: ${missing}.`;
  throw new PlinthError({ code: 'invalid_model_file', message });
}

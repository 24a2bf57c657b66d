import { basename, dirname, isAbsolute, relative, resolve, sep } from 'node:path';
import { PlinthError } from '../core/errors/index.ts';
import type { ModelSpec } from '../core/models/index.ts';
import type { LoadedGraph, OpenGraph } from './graph.ts';

/**
 * Opens graphs by their names inside the model's folder and nowhere else: names come from files of the model. Throws PlinthError
 * `invalid_model_file` for a name that leads out of it.
 */
export function createGraphOpener(spec: ModelSpec, open: (filePath: string) => LoadedGraph): OpenGraph {
  const { filePath, name } = spec;
  const folder = spec.folderPath ?? (filePath === undefined ? undefined : dirname(filePath));
  if (folder === undefined) throw refusal(`The model '${name}' has neither a file nor a folder.`);
  return (fileName) => {
    if (filePath !== undefined && (fileName === basename(filePath) || fileName === relative(folder, filePath)))
      return open(filePath);
    const path = resolve(folder, fileName);
    const inside = relative(folder, path);
    const isOutside = inside === '' || inside === '..' || inside.startsWith(`..${sep}`) || isAbsolute(inside);
    if (isOutside || isAbsolute(fileName) || fileName.includes('\0')) {
      throw refusal(`The model file '${fileName}' is not inside the folder of the model '${name}'.`);
    }
    return open(path);
  };
}

function refusal(message: string): PlinthError {
  return new PlinthError({ code: 'invalid_model_file', message });
}

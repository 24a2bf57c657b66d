import { basename } from 'node:path';
import { PlinthError } from '../../../core/errors/index.ts';
import type { ModelSpec, OnnxOptions } from '../../../core/models/index.ts';
import { loadOnnxLibrary } from '../onnx-library/index.ts';
import { loadFailure } from './engine-failures.ts';
import { createGraphOptions, threadsOf } from './graph-options.ts';
import { OnnxGraph } from './onnx-graph.ts';
import { readPorts } from './read-ports.ts';

/**
 * Loads a graph into ONNX Runtime: the installed one, or that of a folder. The file must have passed the screen; data that it
 * keeps in other files is read from its folder.
 * @throws PlinthError `invalid_model_file` when the file is no graph that can be served, `engine_failed` when the library or the
 *   wanted execution provider is not to be had, `invalid_request` when the folder holds no library that fits.
 */
export function openOnnxGraph(filePath: string, options: OnnxOptions, folder?: ModelSpec['library']): OnnxGraph {
  if (filePath.includes('\0')) {
    throw new PlinthError({ code: 'invalid_model_file', message: `The name of the file ${basename(filePath)} holds a zero.` });
  }
  const library = loadOnnxLibrary(folder);
  const graphOptions = createGraphOptions(library, options);
  try {
    const pointer = library.pointer((out) => library.api.createGraph(library.environment, filePath, graphOptions, out));
    try {
      return new OnnxGraph({
        library,
        pointer,
        ...readPorts(library, pointer),
        engine: `ONNX Runtime ${library.version} ${options.executionProvider}`,
        threads: threadsOf(options),
      });
    } catch (error) {
      library.api.releaseGraph(pointer);
      throw error;
    }
  } catch (error) {
    throw loadFailure(error, filePath);
  } finally {
    library.api.releaseOptions(graphOptions);
  }
}

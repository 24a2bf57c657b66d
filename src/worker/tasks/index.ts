import { basename, relative } from 'node:path';
import { PlinthError } from '../../core/errors/index.ts';
import type { ModelSpec } from '../../core/models/index.ts';
import type { OpenGraph } from '../graph.ts';
import type { Task } from '../task.ts';

/**
 * Opens the task that a spec names, its graphs included. Only that task's code is brought into the process. Throws PlinthError
 * `invalid_model_file` when the model's files do not fit the task.
 */
export async function openTask(spec: ModelSpec, openGraph: OpenGraph): Promise<Task> {
  switch (spec.task) {
    case 'tensors':
      if (spec.filePath === undefined) return (await import('./operators/index.ts')).openOperatorTask(spec);
      return (await import('./tensors/index.ts')).openTensorTask(spec, openGraph);
    case 'embed':
    case 'score':
    case 'classify':
      return (await import('./text/index.ts')).openTextTask(spec, openGraph);
    case 'transcribe':
      return (await import('./speech/index.ts')).openSpeechTask(spec, openGraph);
    case 'classify-image': {
      const { ClassifyPicture } = await import('./vision/index.ts');
      return new ClassifyPicture(spec, openGraph, mainFileOf(spec));
    }
    case 'detect-objects': {
      const { DetectObjects } = await import('./vision/index.ts');
      return new DetectObjects(spec, openGraph, mainFileOf(spec));
    }
    case 'read-text':
      return new (await import('./reading/index.ts')).ReadText(spec, openGraph);
    default:
      throw new PlinthError({ code: 'invalid_model_file', message: `The task '${spec.task}' does not run in batches.` });
  }
}

function mainFileOf({ name, filePath, folderPath }: ModelSpec): { readonly name: string; readonly path: string } {
  if (filePath === undefined) throw new PlinthError({ code: 'invalid_model_file', message: `The model '${name}' has no file.` });
  return { name: folderPath === undefined ? basename(filePath) : relative(folderPath, filePath), path: filePath };
}

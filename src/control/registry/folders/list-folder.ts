import { opendir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import type { CandidateFile } from './choose-files.ts';

const MAX_LISTED_FILES = 10_000;
/** Where parts of a model are looked for. */
const FOLDERS = ['', 'onnx/', '1_Pooling/'];

/** The files of a user's own folder that could be parts of a model. Throws an error in words when there are too many. */
export async function listFolder(folder: string): Promise<readonly CandidateFile[]> {
  const files: CandidateFile[] = [];
  for (const part of FOLDERS) {
    for await (const name of namesIn(join(folder, part))) {
      const stats = await stat(join(folder, part, name)).catch(() => undefined);
      if (stats?.isFile()) files.push({ path: `${part}${name}` });
      if (files.length > MAX_LISTED_FILES) throw new Error(`it has more than ${MAX_LISTED_FILES} files`);
    }
  }
  return files;
}

async function* namesIn(folder: string): AsyncGenerator<string> {
  const entries = await opendir(folder).catch(() => undefined);
  if (entries === undefined) return;
  for await (const entry of entries) yield entry.name;
}

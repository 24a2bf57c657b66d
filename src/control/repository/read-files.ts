import { readFile, realpath, stat } from 'node:fs/promises';
import { join, sep } from 'node:path';
import { refuse } from './conversion/index.ts';

const MOST_CONFIG_BYTES = 4 * 1024 * 1024;
const MOST_LABEL_BYTES = 4 * 1024 * 1024;
const MOST_LABELS = 200_000;

/** The text of a model's `config.pbtxt`; undefined when it has none. */
export async function readConfigText(folder: string): Promise<string | undefined> {
  const path = join(folder, 'config.pbtxt');
  if ((await stat(path).catch(() => undefined)) === undefined) return undefined;
  return readLimited(path, { title: 'config.pbtxt', mostBytes: MOST_CONFIG_BYTES });
}

/** The names of classes in a file of the model's folder, one a line. Links may not lead out of the folder. */
export async function readLabels(folder: string, fileName: string): Promise<readonly string[]> {
  const path = await findInside(folder, fileName);
  const text = await readLimited(path, { title: fileName, mostBytes: MOST_LABEL_BYTES });
  const lines = text.split(/\r?\n/);
  if (lines.at(-1) === '') lines.pop();
  if (lines.length > MOST_LABELS) throw refuse(`${fileName} has ${lines.length} lines; at most ${MOST_LABELS}`);
  return lines;
}

/** The real path of a file of the model's folder. Throws when it is missing or lies elsewhere. */
export async function findInside(folder: string, fileName: string): Promise<string> {
  const [root, path] = await Promise.all([realpath(folder), realpath(join(folder, fileName)).catch(() => undefined)]);
  if (path === undefined) throw refuse(`the file ${fileName} does not exist`);
  if (!path.startsWith(root + sep)) throw refuse(`the file ${fileName} leads out of the model's folder`);
  if (!(await stat(path)).isFile()) throw refuse(`${fileName} is no regular file`);
  return path;
}

async function readLimited(path: string, { title, mostBytes }: { title: string; mostBytes: number }): Promise<string> {
  const stats = await stat(path);
  if (!stats.isFile()) throw refuse(`${title} is no regular file`);
  if (stats.size > mostBytes) throw refuse(`${title} has ${stats.size} bytes; at most ${mostBytes}`);
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(await readFile(path));
  } catch (error) {
    if (error instanceof TypeError) throw refuse(`${title} is not UTF-8 text`);
    throw error;
  }
}

import { createHash } from 'node:crypto';
import { readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { isVersionName } from './choose-versions.ts';
import type { FoundModel } from './find-models.ts';

const MOST_FILES = 20_000;
const MOST_DEPTH = 6;

/** What a model's files look like from outside: two equal fingerprints mean that nothing was changed. */
export interface Fingerprint {
  /** Of everything that all versions share. */
  readonly common: string;
  readonly versions: ReadonlyMap<string, string>;
}

/** Takes sizes, times and numbers of the files of a model; reads none of them. Files that vanish meanwhile are left out. */
export async function takeFingerprint({ path, layout }: FoundModel): Promise<Fingerprint> {
  const lines = await listFiles(path);
  const ofVersion = (name: string) => lines.filter(({ place }) => place[0] === name).map(({ line }) => line);
  const versions = layout === 'plain' ? [] : [...new Set(lines.map(({ place }) => place[0] ?? ''))].filter(isVersionName);
  const common = lines.filter(({ place }) => !versions.includes(place[0] ?? '')).map(({ line }) => line);
  return { common: digest(common), versions: new Map(versions.map((version) => [version, digest(ofVersion(version))])) };
}

interface FileLine {
  readonly place: readonly string[];
  readonly line: string;
}

async function listFiles(root: string): Promise<readonly FileLine[]> {
  const lines: FileLine[] = [];
  const visit = async (place: readonly string[]): Promise<void> => {
    const path = join(root, ...place);
    const stats = await stat(path).catch(() => undefined);
    if (stats === undefined || lines.length >= MOST_FILES || place.length > MOST_DEPTH) return;
    const size = stats.isDirectory() ? 'folder' : `${stats.size} ${stats.mtimeMs} ${stats.ino}`;
    lines.push({ place, line: `${place.join('/')} ${size}` });
    if (!stats.isDirectory()) return;
    for (const name of (await readdir(path).catch(() => [])).toSorted()) if (!name.startsWith('.')) await visit([...place, name]);
  };
  await visit([]);
  return lines;
}

function digest(lines: readonly string[]): string {
  return createHash('sha256').update(lines.join('\n')).digest('base64');
}

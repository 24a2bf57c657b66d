import { createHash } from 'node:crypto';
import { constants } from 'node:fs';
import { copyFile, link, mkdir, rename, rm, stat } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { hasCode, syncFolder } from '../../../core/files/index.ts';

/** A file of a model folder, by its digest. */
export interface FolderFile {
  readonly path: string;
  readonly sha256: string;
  readonly bytes: number;
}

/** One digest for all files: that of the lines `<digest>  <path>`, in the order of the paths. */
export function digestFiles(files: readonly FolderFile[]): string {
  const lines = files.map((file) => `${file.sha256}  ${file.path}\n`).toSorted();
  return createHash('sha256').update(lines.join('')).digest('hex');
}

/** Whether the folder holds exactly what is kept: the very same files, or copies that `hash` finds to be equal. */
export async function isBuilt(plan: FolderPlan, hash: (filePath: string) => Promise<string>): Promise<boolean> {
  for (const { path, sha256 } of plan.files) {
    const own = join(plan.folder, path);
    const [there, kept] = await Promise.all([statOf(own), statOf(plan.pathOf(sha256))]);
    if (there?.isFile() !== true || kept === undefined) return false;
    const isSame = there.ino === kept.ino && there.dev === kept.dev;
    if (!isSame && (await hash(own)) !== sha256) return false;
  }
  return true;
}

/** A folder and what it is to hold. */
export interface FolderPlan {
  readonly folder: string;
  readonly files: readonly FolderFile[];
  /** Where a file is kept, by its digest. */
  readonly pathOf: (sha256: string) => string;
}

/**
 * Makes `folder` hold the files under their paths: hard links to where they are kept, copies on file systems without links. It comes
 * into being whole, by a rename of `draft`, which must lie on the same file system.
 */
export async function buildFolder({ folder, files, pathOf }: FolderPlan, draft: string): Promise<void> {
  await rm(draft, { recursive: true, force: true });
  await mkdir(draft, { recursive: true, mode: 0o700 });
  for (const { path, sha256 } of files) {
    const target = join(draft, path);
    await mkdir(dirname(target), { recursive: true, mode: 0o700 });
    await linkOrCopy(pathOf(sha256), target);
  }
  await rm(folder, { recursive: true, force: true });
  await rename(draft, folder);
  await syncFolder(dirname(folder));
}

async function linkOrCopy(from: string, to: string): Promise<void> {
  try {
    await link(from, to);
  } catch (error) {
    if (!hasCode(error, 'EPERM', 'ENOSYS', 'ENOTSUP', 'EOPNOTSUPP', 'EMLINK', 'EXDEV', 'EACCES')) throw error;
    await copyFile(from, to, constants.COPYFILE_FICLONE);
  }
}

async function statOf(path: string) {
  return stat(path).catch(() => undefined);
}

import { mkdir, readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { runGuarded, type GuardedOutcome } from '../processes/index.ts';
import type { ArchiveMember } from '../archives/index.ts';
import type { FolderRequest, SourceRequest } from './source.ts';

const WATCH_INTERVAL_MS = 150;
const MAX_MANIFEST_BYTES = 1024 * 1024;
const MAX_REASON_CHARACTERS = 300;

export interface PackageClient {
  readonly command: string;
  readonly args: readonly string[];
  readonly environment: NodeJS.ProcessEnv;
  /** The folder in which the package grows. */
  readonly folder: string;
  /** The size of the package when a line of the client's output tells it. */
  readonly readTotalBytes?: (line: string) => number | undefined;
}

/** Runs a package client and reports how its folder grows. */
export async function runPackageClient(request: SourceRequest | FolderRequest, client: PackageClient): Promise<GuardedOutcome> {
  await mkdir(client.folder, { recursive: true });
  let totalBytes: number | undefined;
  const watch = setInterval(() => {
    void folderBytes(client.folder).then((bytes) => {
      if (bytes > 0) request.report(Math.min(bytes, totalBytes ?? bytes), totalBytes);
    });
  }, WATCH_INTERVAL_MS);
  try {
    const outcome = await runGuarded({
      command: client.command,
      args: client.args,
      environment: client.environment,
      folder: request.workFolder,
      signal: request.signal,
      onLine: (line) => (totalBytes ??= client.readTotalBytes?.(line)),
    });
    request.signal.throwIfAborted();
    return outcome;
  } finally {
    clearInterval(watch);
  }
}

/** The one file with this ending that the client left. */
export async function findPackage(folder: string, ending: string): Promise<string> {
  const names = (await readdir(folder)).filter((name) => name.endsWith(ending));
  if (names[0] === undefined || names.length > 1) throw new Error(`it left ${names.length} ${ending} files, expected 1`);
  return join(folder, names[0]);
}

/** The text of a small member; empty when it is none. */
export async function readMember(member: ArchiveMember): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of member.content) if (member.bytes <= MAX_MANIFEST_BYTES) chunks.push(chunk);
  return Buffer.concat(chunks).toString('utf8');
}

/** Unpacks the member into the target. */
export async function copyMember(member: ArchiveMember, request: Pick<SourceRequest, 'target' | 'signal'>): Promise<void> {
  const start = () => request.target.start({ fromBytes: 0, totalBytes: member.bytes });
  let isStarted = false;
  // Started inside the loop, so that the archive is closed when starting fails.
  for await (const chunk of member.content) {
    if (!isStarted) await start();
    isStarted = true;
    await request.target.write(chunk);
    request.signal.throwIfAborted();
  }
  if (!isStarted) await start();
}

/** What a client's last output says went wrong: the first group of the first line that matches. Credentials in URLs are left out. */
export function reasonOf(outcome: GuardedOutcome, errorLine: RegExp): string {
  const said = outcome.lines.flatMap((line) => errorLine.exec(line)?.[1] ?? []);
  const reason = said[0] ?? outcome.lines.findLast((line) => line.trim() !== '') ?? `exit status ${outcome.exitCode}`;
  return reason
    .replace(/\/\/[^/@\s]+@/g, '//')
    .trim()
    .slice(0, MAX_REASON_CHARACTERS);
}

/** Bytes of all files in a folder that others are writing to: what vanishes meanwhile counts as nothing. */
async function folderBytes(folder: string): Promise<number> {
  const entries = await readdir(folder, { withFileTypes: true, recursive: true }).catch(() => []);
  const sizes = await Promise.all(
    entries
      .filter((entry) => entry.isFile())
      .map((entry) =>
        stat(join(entry.parentPath, entry.name)).then(
          (stats) => stats.size,
          () => 0,
        ),
      ),
  );
  return sizes.reduce((sum, size) => sum + size, 0);
}

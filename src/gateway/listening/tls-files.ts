import { createHash } from 'node:crypto';
import { watch, type FSWatcher } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import { createSecureContext } from 'node:tls';
import { PlinthError } from '../../core/errors/index.ts';
import type { Logger } from '../../core/telemetry/index.ts';

/** Paths of PEM files. */
export interface TlsFiles {
  readonly certFile: string;
  readonly keyFile: string;
}

/** PEM, checked to load and to belong together. */
export interface TlsMaterial {
  readonly cert: Buffer;
  readonly key: Buffer;
}

export interface TlsWatchOptions {
  readonly files: TlsFiles;
  readonly current: TlsMaterial;
  readonly logger: Logger;
  /** Called with checked material when the files' content has changed. */
  readonly onChange: (material: TlsMaterial) => void;
}

/** Editors and secret mounts touch several files in a row. */
const SETTLE_MS = 100;
/** For file systems that report no changes. */
const POLL_MS = 60_000;

/** Reads a certificate chain and its key and checks that they load and belong together. Throws `invalid_request` saying which file is wrong. */
export async function readTlsFiles(files: TlsFiles): Promise<TlsMaterial> {
  const cert = await readPem('tls.certFile', files.certFile);
  const key = await readPem('tls.keyFile', files.keyFile);
  try {
    createSecureContext({ cert, key });
  } catch (error) {
    throw invalidTls(
      `The certificate ${files.certFile} and the key ${files.keyFile} do not load or do not belong together`,
      error,
    );
  }
  return { cert, key };
}

/**
 * Follows the files. Watches their folders and not the files themselves, because certificates are renewed by renaming and by
 * moving symbolic links. Files that do not load change nothing and are logged. Returns the way to stop.
 */
export function watchTlsFiles(options: TlsWatchOptions): () => void {
  const { files, logger } = options;
  let digest = digestOf(options.current);
  const reload = async (): Promise<void> => {
    try {
      const material = await readTlsFiles(files);
      if (digestOf(material) === digest) return;
      digest = digestOf(material);
      options.onChange(material);
      logger.info({ certFile: files.certFile }, 'certificate replaced');
    } catch (error) {
      logger.error(
        { reason: error instanceof Error ? error.message : String(error) },
        'certificate not replaced, the old one stays',
      );
    }
  };
  let settle: NodeJS.Timeout | undefined;
  const onTouched = (): void => {
    clearTimeout(settle);
    settle = setTimeout(() => void reload(), SETTLE_MS);
  };
  const folders = new Set([dirname(files.certFile), dirname(files.keyFile)]);
  const watchers = [...folders].map((folder) => watchFolder(folder, { onTouched, logger }));
  const poll = setInterval(() => void reload(), POLL_MS).unref();
  return () => {
    clearInterval(poll);
    clearTimeout(settle);
    for (const watcher of watchers) watcher?.close();
  };
}

function watchFolder(folder: string, options: { onTouched: () => void; logger: Logger }): FSWatcher | undefined {
  try {
    const watcher = watch(folder, { persistent: false }, options.onTouched);
    watcher.on('error', (error) =>
      options.logger.warn({ folder, reason: error.message }, 'folder no longer watched, files are polled'),
    );
    return watcher;
  } catch (error) {
    options.logger.warn({ folder, reason: String(error) }, 'folder cannot be watched, files are polled');
    return undefined;
  }
}

async function readPem(field: string, path: string): Promise<Buffer> {
  try {
    return await readFile(path);
  } catch (error) {
    throw invalidTls(`${field} names ${path}, which cannot be read`, error);
  }
}

function invalidTls(what: string, cause: unknown): PlinthError {
  const reason = cause instanceof Error ? cause.message : String(cause);
  return new PlinthError({ code: 'invalid_request', message: `${what}: ${reason}` }, { cause });
}

function digestOf(material: TlsMaterial): string {
  return createHash('sha256').update(material.cert).update('\0').update(material.key).digest('hex');
}

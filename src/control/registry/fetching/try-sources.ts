import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { PlinthError } from '../../../core/errors/index.ts';
import type { Logger } from '../../../core/telemetry/index.ts';
import type { BlobFolder } from '../blob-folder.ts';
import { sources, type Source } from '../sources/index.ts';
import type { PullObserver } from './pull-observer.ts';

/** What fetching stands on. */
export interface FetchTools {
  readonly blobs: BlobFolder;
  readonly observer: PullObserver;
  readonly logger: Logger;
  readonly environment: NodeJS.ProcessEnv;
  readonly signal: AbortSignal;
  readonly readFreeBytes?: (folder: string) => Promise<number>;
}

/** What is tried. */
export interface Attempts<T> {
  /** What the model is called in messages. */
  readonly title: string;
  /** The name of everything that lies in the partial folder meanwhile; whoever orders holds the lock of this name. */
  readonly key: string;
  readonly choices: readonly T[];
  readonly referenceOf: (choice: T) => string;
}

/** One way, with an empty name for a folder to work in. */
export interface Attempt<T> {
  readonly choice: T;
  readonly source: Source;
  readonly workFolder: string;
}

/**
 * Tries the ways in order until one yields: a source that fails is noted and the next one tried; what a PlinthError says holds for all
 * of them. Throws `model_unavailable`, with each source's reason, when none does.
 */
export async function trySources<T, R>(
  attempts: Attempts<T>,
  tools: FetchTools,
  fetch: (attempt: Attempt<T>) => Promise<R>,
): Promise<R> {
  const failures: string[] = [];
  for (const choice of attempts.choices) {
    const reference = attempts.referenceOf(choice);
    const shown = withoutSecrets(reference);
    const workFolder = join(tools.blobs.partialFolder, `${attempts.key}.work`);
    try {
      return await fetch({ choice, source: sourceOf(reference), workFolder });
    } catch (error) {
      tools.signal.throwIfAborted();
      if (error instanceof PlinthError) throw error;
      const message = error instanceof Error ? error.message.replaceAll(/\s+/g, ' ') : String(error);
      failures.push(`${shown}: ${message}`);
      tools.logger.info({ model: attempts.title, source: shown, reason: message }, 'a model source failed');
      tools.observer.sourceFailed(shown, message);
    } finally {
      await rm(workFolder, { recursive: true, force: true });
      await tools.observer.removeNote(progressNoteOf(tools.blobs, attempts.key));
    }
  }
  const message = `${attempts.title} cannot be fetched; ${failures.join('; ')}`;
  throw new PlinthError({ code: 'model_unavailable', message });
}

/** Where the owner of a download notes its progress for those that wait. */
export function progressNoteOf(blobs: BlobFolder, key: string): string {
  return join(blobs.partialFolder, `${key}.progress`);
}

/** The reference without what may be secret in it, for logs and progress. */
export function withoutSecrets(reference: string): string {
  return /^https?:/i.test(reference) ? reference.replace(/[?#].*$/s, '') : reference;
}

function sourceOf(reference: string): Source {
  const scheme = /^http:/i.test(reference) ? 'https' : reference.slice(0, reference.indexOf(':')).toLowerCase();
  const source = sources.find((candidate) => candidate.scheme === scheme);
  if (source === undefined) throw new Error('there is no such source');
  return source;
}

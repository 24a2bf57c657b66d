import { setTimeout as sleep } from 'node:timers/promises';
import { errorFactsOf } from '../../core/errors/index.ts';
import { cleanLine, formatClock, type Shell } from '../terminal/index.ts';
import { openLivePicture } from './live-picture.ts';

const POLL_MS = 500;
/** A serve that was killed is back well within it. */
const PATIENCE_MS = 60_000;
const INTERRUPTED = 130;

/** Something that goes on and ends. */
export interface Followed<Document> {
  /** Reads it anew. */
  read(): Promise<Document>;
  hasEnded(document: Document): boolean;
  /** The picture for a terminal; it is drawn in its place again and again. */
  draw(document: Document): string;
  /** One line; where there is no terminal it is written whenever `stageOf` has changed. */
  describe(document: Document): string;
  stageOf(document: Document): string;
  /** Between two readings; half a second when absent. */
  readonly pollMs?: number;
}

/**
 * Shows it until it has ended, and returns its last state; undefined when whoever watches has interrupted, which sets exit status 130
 * and changes nothing of what is watched. A serve that stops answering is waited for, for a minute. Lines go to standard error where the document itself is wanted on standard output.
 */
export async function follow<Document>(
  shell: Shell,
  followed: Followed<Document>,
  lines: 'out' | 'err' = 'out',
): Promise<Document | undefined> {
  const interruption = new AbortController();
  const interrupt = () => interruption.abort();
  process.once('SIGINT', interrupt).once('SIGTERM', interrupt);
  const terminal = shell[lines];
  const view = terminal.isInteractive ? openPictureView(terminal, followed) : openLineView(terminal, followed);
  const read = async () => {
    const document = await followed.read();
    // A pipe that nobody reads any more ends it, as it ends other programs.
    if (!terminal.isOpen) interrupt();
    return document;
  };
  try {
    return await poll({ ...followed, read }, view, interruption.signal);
  } catch (error) {
    if (!interruption.signal.aborted) throw error;
    process.exitCode = INTERRUPTED;
    return undefined;
  } finally {
    process.off('SIGINT', interrupt).off('SIGTERM', interrupt);
  }
}

interface View<Document> {
  show(document: Document): void;
  /** The serve does not answer. */
  miss(words: string): void;
  end(): void;
}

async function poll<Document>(followed: Followed<Document>, view: View<Document>, signal: AbortSignal): Promise<Document> {
  let missingSinceMs: number | undefined;
  let hasBegun = false;
  for (;;) {
    try {
      const document = await followed.read();
      signal.throwIfAborted();
      hasBegun = true;
      missingSinceMs = undefined;
      if (followed.hasEnded(document)) {
        view.end();
        return document;
      }
      view.show(document);
    } catch (error) {
      const { code, message } = errorFactsOf(error);
      const isAway = code === 'model_not_ready' || code === 'draining' || code === 'model_unavailable';
      if (signal.aborted || !hasBegun || !isAway) throw error;
      missingSinceMs ??= performance.now();
      if (performance.now() - missingSinceMs > PATIENCE_MS) throw error;
      view.miss(message);
    }
    await sleep(followed.pollMs ?? POLL_MS, undefined, { signal });
  }
}

function openPictureView<Document>(terminal: Shell['out'], { draw }: Followed<Document>): View<Document> {
  const picture = openLivePicture(terminal);
  let last = '';
  return {
    show: (document) => {
      last = draw(document);
      picture.draw(`${last}\n${terminal.paint('dim', 'Ctrl-C stops watching, nothing else.')}\n`);
    },
    miss: (words) => picture.draw(`${last}\n${terminal.paint('yellow', `${cleanLine(words)} It is asked again.`)}\n`),
    end: () => picture.clear(),
  };
}

function openLineView<Document>(terminal: Shell['out'], { describe, stageOf }: Followed<Document>): View<Document> {
  let stage: string | undefined;
  let isMissing = false;
  const write = (line: string) => terminal.write(`${formatClock(Date.now())}  ${line}\n`);
  return {
    show: (document) => {
      if (stageOf(document) !== stage || isMissing) write(describe(document));
      stage = stageOf(document);
      isMissing = false;
    },
    miss: (words) => {
      if (!isMissing) write(`${cleanLine(words)} It is asked again for a minute.`);
      isMissing = true;
    },
    end: () => undefined,
  };
}

import type { DestinationStream } from 'pino';

const GATHER_CHARACTERS = 16_384;
const GATHER_MS = 100;

/** A destination that can also write at once, for the end of the process. */
export interface FlushableDestination extends DestinationStream {
  flushSync(): void;
}

/**
 * Gathers log lines for at most 100 ms before they go on: a write costs more than a line. What is gathered when the process exits is
 * written then.
 */
export function gatherLines(destination: FlushableDestination): DestinationStream {
  let gathered = '';
  let timer: NodeJS.Timeout | undefined;
  const passOn = (): void => {
    clearTimeout(timer);
    timer = undefined;
    if (gathered === '') return;
    const text = gathered;
    gathered = '';
    destination.write(text);
  };
  process.on('exit', () => {
    passOn();
    destination.flushSync();
  });
  return {
    write(line) {
      gathered += line;
      if (gathered.length >= GATHER_CHARACTERS) passOn();
      else timer ??= setTimeout(passOn, GATHER_MS).unref();
    },
  };
}

import type { IncomingMessage } from 'node:http';
import { PlinthError } from '../../core/errors/index.ts';

/** 8 MiB in pieces of 512 bytes. Without this limit a body of one-byte chunks costs a hundred times its size. */
const MOST_PIECES = 16_384;

/**
 * Refuses a body that arrives in very many very small pieces. Bodies too short for that are not watched. The body starts to flow in the
 * next turn of the event loop: its reader must be there by then.
 */
export function limitBodyPieces(request: IncomingMessage): void {
  const { headers } = request;
  if (headers['transfer-encoding'] === undefined && !(Number(headers['content-length']) > MOST_PIECES)) return;
  let pieces = 0;
  const count = (): void => {
    pieces += 1;
    if (pieces <= MOST_PIECES) return;
    request.removeListener('data', count);
    if (request.listenerCount('error') === 0) request.destroy();
    else request.emit('error', new PlinthError({ code: 'body_too_large', message: 'The body came in too many small pieces.' }));
  };
  request.on('data', count);
}

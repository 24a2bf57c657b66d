import type { IncomingMessage } from 'node:http';
import { PlinthError } from '../../core/errors/index.ts';

/** 8 MiB in pieces of 512 bytes. Without this limit a body of one-byte chunks costs a hundred times its size. */
const MOST_PIECES = 16_384;
const LEAST_PIECE_BYTES = 512;

/**
 * Refuses a body that arrives in very many very small pieces; a large body may come in as many as its size explains. Bodies too short for that are not watched. The body stays where it is
 * until its reader resumes it.
 */
export function limitBodyPieces(request: IncomingMessage): void {
  const { headers } = request;
  if (headers['transfer-encoding'] === undefined && !(Number(headers['content-length']) > MOST_PIECES)) return;
  let pieces = 0;
  let bytes = 0;
  const count = (piece: Buffer): void => {
    pieces += 1;
    bytes += piece.byteLength;
    if (pieces <= MOST_PIECES || bytes >= pieces * LEAST_PIECE_BYTES) return;
    request.removeListener('data', count);
    if (request.listenerCount('error') === 0) request.destroy();
    else request.emit('error', new PlinthError({ code: 'body_too_large', message: 'The body came in too many small pieces.' }));
  };
  request.on('data', count);
  // A listener alone would set the body flowing before a reader that has to wait is there.
  request.pause();
}

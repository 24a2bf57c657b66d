import { isUtf8 } from 'node:buffer';
import type { FastifyInstance } from 'fastify';
import { PlinthError } from '../../../core/errors/index.ts';

const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const LONGEST_TYPE_SHOWN = 100;
const MOST_PARTS = 1_000_000;
const isOpening = (byte: number): boolean => byte === 0x7b || byte === 0x5b;
const isClosing = (byte: number): boolean => byte === 0x7d || byte === 0x5d;

/** Makes an application take JSON in UTF-8 and nothing else: `unsupported_media_type` otherwise, and what {@link parseJsonBody} throws. */
export function readJsonOnly(app: FastifyInstance, maxDepth: number): void {
  app.removeAllContentTypeParsers();
  app.addContentTypeParser('application/json', { parseAs: 'buffer' }, (request, body, done) => {
    const contentType = request.headers['content-type'] ?? '';
    if (hasForeignCharset(contentType)) throw wrongType(contentType);
    const encoding = request.headers['content-encoding'] ?? 'identity';
    if (encoding.toLowerCase() !== 'identity') throw wrongEncoding(encoding);
    done(null, parseJsonBody(Buffer.isBuffer(body) ? body : Buffer.from(body), maxDepth));
  });
  app.addContentTypeParser('*', (request, _payload, done) => done(wrongType(request.headers['content-type'])));
}

/** JSON from the bytes of a body. Throws `invalid_utf8` or `invalid_json`; nesting deeper than `maxDepth` is `invalid_json` as well. */
export function parseJsonBody(body: Buffer, maxDepth: number): unknown {
  if (body.byteLength === 0) throw invalidJson('The body is empty; a JSON object was expected.');
  if (!isUtf8(body)) throw new PlinthError({ code: 'invalid_utf8', message: 'The body is not valid UTF-8.' });
  checkStructure(body, maxDepth);
  try {
    return JSON.parse(body.toString('utf8')) as unknown;
  } catch (thrown) {
    throw invalidJson(`The body is not valid JSON${placeOf(thrown)}.`);
  }
}

function wrongType(contentType: string | undefined): PlinthError {
  const came = contentType === undefined ? 'none' : `'${contentType.slice(0, LONGEST_TYPE_SHOWN)}'`;
  return new PlinthError({
    code: 'unsupported_media_type',
    message: `The content type must be application/json in UTF-8, but ${came} came.`,
  });
}

function wrongEncoding(encoding: string): PlinthError {
  const message = `The body must come without a content encoding, but '${encoding.slice(0, LONGEST_TYPE_SHOWN)}' came.`;
  return new PlinthError({ code: 'unsupported_media_type', message });
}

function hasForeignCharset(contentType: string): boolean {
  const charset = /;\s*charset\s*=\s*"?([^\s;"]*)/i.exec(contentType)?.[1];
  return charset !== undefined && !/^utf-?8$/i.test(charset);
}

function invalidJson(message: string): PlinthError {
  return new PlinthError({ code: 'invalid_json', message });
}

/** Counts brackets and strings, so that a hostile body costs one pass, no recursion and no long parse. */
function checkStructure(body: Buffer, maxDepth: number): void {
  let [depth, parts] = [0, 0];
  for (let at = 0; at < body.length; at++) {
    const byte = body[at] ?? 0;
    if (byte === QUOTE) {
      at = endOfString(body, at + 1);
      parts += 1;
    } else if (isOpening(byte)) {
      depth += 1;
      parts += 1;
      if (depth > maxDepth) throw invalidJson(`The body is nested deeper than ${maxDepth} levels.`);
    } else if (isClosing(byte)) {
      depth -= 1;
    }
    if (parts > MOST_PARTS) throw invalidJson(`The body has more than ${MOST_PARTS} strings, arrays and objects.`);
  }
}

/** The place of the closing quote; the end of the body when there is none. */
function endOfString(body: Buffer, start: number): number {
  let at = start;
  while (at < body.length && body[at] !== QUOTE) at += body[at] === BACKSLASH ? 2 : 1;
  return at;
}

/** The engine's message quotes the body; only the position is passed on. */
function placeOf(thrown: unknown): string {
  const position = thrown instanceof Error ? /at position (\d+)/.exec(thrown.message)?.[1] : undefined;
  return position === undefined ? '' : ` at position ${position}`;
}

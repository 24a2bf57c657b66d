import assert from 'node:assert/strict';
import test from 'node:test';
import fc from 'fast-check';
import { ResponseParser } from './response-parser.ts';

interface Seen {
  readonly status: number;
  readonly body: string;
}

function parse(pieces: readonly Buffer[]): Seen[] {
  const seen: Seen[] = [];
  let body = '';
  const parser = new ResponseParser({
    onBody: (data) => (body += data.toString('utf8')),
    onEnd: (status) => {
      seen.push({ status, body });
      body = '';
    },
  });
  for (const piece of pieces) parser.push(piece);
  return seen;
}

const STREAM = [
  'HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello',
  'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\nA\r\n0123456789\r\n0\r\n\r\n',
  'HTTP/1.1 503 Service Unavailable\r\ncontent-length: 0\r\n\r\n',
  'HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n2;note=x\r\nzz\r\n0\r\ntrailer: 1\r\n\r\n',
].join('');

const EXPECTED: readonly Seen[] = [
  { status: 200, body: 'hello' },
  { status: 200, body: 'abc0123456789' },
  { status: 503, body: '' },
  { status: 200, body: 'zz' },
];

test('responses with a length and in chunks are read one after the other', () => {
  assert.deepEqual(parse([Buffer.from(STREAM)]), EXPECTED);
});

test('the same responses come out wherever the packets are cut', () => {
  const cuts = fc.array(fc.integer({ min: 0, max: STREAM.length }), { maxLength: 20 });
  fc.assert(
    fc.property(cuts, (places) => {
      const edges = [0, ...places.toSorted((a, b) => a - b), STREAM.length];
      const pieces = edges.slice(1).map((edge, index) => Buffer.from(STREAM.slice(edges[index], edge)));
      assert.deepEqual(parse(pieces), EXPECTED);
    }),
  );
});

import assert from 'node:assert/strict';
import test from 'node:test';
import { EventStreamReader } from './event-stream-reader.ts';

const CHAT = [
  'data: {"choices":[{"index":0,"delta":{"role":"assistant","content":""}}]}\n\n',
  ': heartbeat\n\n',
  'data: {"choices":[{"index":0,"delta":{"content":"é"}}]}\n\n',
  'data: {"choices":[{"index":0,"delta":{"content":"!"}}]}\n\n',
  'data: {"choices":[{"index":0,"delta":{},"finish_reason":"length"}]}\n\n',
  'data: {"choices":[],"usage":{"prompt_tokens":3,"completion_tokens":2}}\n\n',
  'data: [DONE]\n\n',
].join('');

function read(options: { readonly keepsText: boolean }, bytes: Buffer, packetBytes: number): EventStreamReader {
  const reader = new EventStreamReader(options);
  for (let at = 0; at < bytes.length; at += packetBytes) reader.push(bytes.subarray(at, at + packetBytes));
  return reader;
}

test('only events with text count as arrivals, whether or not they are parsed', () => {
  for (const keepsText of [true, false]) {
    assert.equal(read({ keepsText }, Buffer.from(CHAT), 1_000).arrivalsMs.length, 2, `keepsText ${keepsText}`);
  }
});

test('text and usage survive packets that cut events and characters', () => {
  const reader = read({ keepsText: true }, Buffer.from(CHAT), 7);
  assert.deepEqual([reader.text, reader.promptTokens, reader.completionTokens], ['é!', 3, 2]);
});

test('the text field of plain completions counts as well', () => {
  const event = Buffer.from('data: {"choices":[{"text":"a","index":0,"logprobs":null}]}\n\n');
  assert.equal(read({ keepsText: false }, event, 1_000).arrivalsMs.length, 1);
  assert.equal(read({ keepsText: true }, event, 1_000).text, 'a');
});

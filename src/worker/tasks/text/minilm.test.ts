import assert from 'node:assert/strict';
import { test } from 'node:test';
import { cosine, minilmVectors } from '../../../../tests/support/minilm-vectors.ts';
import { openTextModel } from '../../../../tests/support/text-models.ts';
import { obtainModel } from '../../../../tests/support/test-model.ts';
import type { EmbedRequest } from '../../../core/inference/index.ts';

test('MiniLM makes the vectors that sentence-transformers makes, alone and in one batch', async () => {
  const { filePath, folderPath = '', task: name } = await obtainModel('minilm');
  const task = openTextModel({ task: name, filePath, folderPath });
  assert.deepEqual([task.facts.embeddingDimensions, task.facts.contextTokens], [384, 256]);
  const embed = async (texts: readonly string[]): Promise<number[][]> => {
    const request: EmbedRequest = {
      kind: 'embed',
      id: 'r',
      model: 'minilm',
      timeLeftMs: 60_000,
      inputs: texts.map((text) => ({ type: 'text', text })),
      overlong: 'cut',
    };
    return task.execute(await task.prepare(request)).outcomes.map((outcome) => {
      const event = outcome.type === 'finished' ? outcome.events[0] : undefined;
      assert.ok(event?.type === 'embedding');
      return Array.from(new Float32Array(new Uint8Array(event.values).buffer));
    });
  };
  const together = await embed(minilmVectors.map(({ text }) => text));
  for (const [index, { text, vector }] of minilmVectors.entries()) {
    const [alone = []] = await embed([text]);
    assert.ok(1 - cosine(alone, vector) < 1e-3, text);
    assert.ok(1 - cosine(together[index] ?? [], vector) < 1e-3, text);
    assert.ok(Math.abs(cosine(alone, together[index] ?? []) - 1) < 1e-5, text);
  }
  task.close();
});

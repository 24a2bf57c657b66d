import assert from 'node:assert/strict';
import { after, afterEach, before } from 'node:test';
import { makeLanguageReleases, type LanguageReleases } from '../support/release-files.ts';
import { ReleaseGround } from '../support/release-ground.ts';
import { runRelease, type ReleaseRun, type RunOrder } from '../support/release-run.ts';

export const model = 'smollm2';

/** smollm2 as version 1, `stable`, with callers who ask for short answers one after the other. */
export interface LanguageGround {
  readonly files: LanguageReleases;
  readonly ground: ReleaseGround;
  run(order: Pick<RunOrder, 'version' | 'strategy' | 'plan'>): Promise<ReleaseRun>;
  /** Version 1 is the process that it was, and still the stable one. */
  checkStay(): Promise<void>;
}

/** Serves it for the tests of a suite, which follow one another. */
export function useLanguageGround(): LanguageGround {
  const parts: { files?: LanguageReleases; ground?: ReleaseGround; pid?: number } = {};
  const need = <T>(part: T | undefined): T => part ?? assert.fail('used before it was there');
  before(async () => {
    parts.files = await makeLanguageReleases();
    parts.ground = await ReleaseGround.open({ config: { models: [{ name: model, source: parts.files.original, slots: 6 }] } });
    await parts.ground.ask('/plinth/v1/traffic', { model, traffic: { sticky: { by: 'request' } } });
    await parts.ground.ask('/plinth/v1/aliases', { model, set: { stable: '1' } });
    parts.pid = await parts.ground.pidOf(model, '1');
  });
  after(() => parts.ground?.served.stop());
  afterEach(() => parts.ground?.abortRunning(model));
  return {
    get files() {
      return need(parts.files);
    },
    get ground() {
      return need(parts.ground);
    },
    run: (order) => runRelease(need(parts.ground), { model, ...order, load: { kind: 'chat', maxTokens: 8 } }),
    checkStay: async () => {
      assert.equal(await need(parts.ground).pidOf(model, '1'), parts.pid);
      assert.deepEqual((await need(parts.ground).line(model)).aliases, { stable: '1' });
    },
  };
}

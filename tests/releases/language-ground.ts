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
  /** Gives its number. */
  addVersion(source: string, settings?: object): Promise<string>;
  run(order: Pick<RunOrder, 'version' | 'strategy' | 'plan'>): Promise<ReleaseRun>;
  /** Version 1 is the process that it was, and still the stable one. */
  checkStay(): Promise<void>;
}

/** One thread: how many are best is measured at every start otherwise, and replicas start often here. */
const THREADS = { threads: 1 };

/** Serves it for the tests of a suite, which follow one another. */
export function useLanguageGround({ maxTokens }: { readonly maxTokens: number }): LanguageGround {
  const parts: { files?: LanguageReleases; ground?: ReleaseGround; pid?: number } = {};
  const need = <T>(part: T | undefined): T => part ?? assert.fail('used before it was there');
  before(async () => {
    parts.files = await makeLanguageReleases();
    const models = [{ name: model, source: parts.files.original, slots: 6, ...THREADS }];
    parts.ground = await ReleaseGround.open({ config: { models } });
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
    addVersion: (source, settings = {}) =>
      need(parts.ground).addVersion(model, { source, settings: { slots: 6, ...THREADS, ...settings } }),
    run: (order) => runRelease(need(parts.ground), { model, ...order, load: { kind: 'chat', maxTokens } }),
    checkStay: async () => {
      assert.equal(await need(parts.ground).pidOf(model, '1'), parts.pid);
      assert.deepEqual((await need(parts.ground).line(model)).aliases, { stable: '1' });
    },
  };
}

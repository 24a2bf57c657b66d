import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import type { RequestRecord } from '../stage.ts';
import { ReceiptBookRing } from './receipt-book.ts';
import type { FinishedRequest, KeptRequest } from './report-request.ts';

function kept(requestId: string, record: Partial<RequestRecord> = {}, finished: Partial<FinishedRequest> = {}): KeptRequest {
  const routes: RequestRecord['routes'] = [{ model: 'chat', version: '3', by: 'highest-ready' }];
  return {
    finished: {
      requestId,
      keyId: 'key-1',
      method: 'POST',
      endpoint: '/v1/chat/completions',
      status: 200,
      isComplete: true,
      record: { startedMs: 1000, deltas: 0, routes, ...record },
      ...finished,
    },
    status: 200,
    totalMs: 500,
    endedAt: 1_700_000_000_500,
  };
}

test('the newest requests are found, as many as are kept', () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 0, max: 5 }),
      fc.array(fc.constantFrom('a', 'b', 'c', 'd', 'e', 'f'), { maxLength: 20 }),
      (most, ids) => {
        const book = new ReceiptBookRing(most);
        ids.forEach((id, index) => book.keep(kept(id, { model: String(index) })));
        const newest = new Map(ids.map((id, index) => [id, index] as const));
        for (const [id, index] of newest) {
          const found = book.find(id) as { readonly model: string } | undefined;
          assert.equal(found?.model, index >= ids.length - most ? String(index) : undefined);
        }
      },
    ),
  );
});

test('what never went down the path has no receipt, and no model is held on to', () => {
  const book = new ReceiptBookRing(3);
  const record: RequestRecord = { startedMs: 0, deltas: 0, chosen: [] };
  const one = kept('a');
  book.keep({ ...one, finished: { ...one.finished, record } });
  assert.equal(book.find('a'), undefined);
  assert.equal(record.chosen, undefined);
});

test('a receipt tells what was chosen and why, how long each part took and how it ended', () => {
  const book = new ReceiptBookRing(3);
  book.keep(
    kept('req-1', {
      model: 'chat',
      version: '3',
      arm: 'current',
      routes: [
        {
          model: 'chat',
          version: '4',
          arm: 'candidate',
          purpose: { kind: 'rollout', id: 'r1' },
          by: 'rollout',
          unit: '0011223344556677',
          scores: [
            { version: '3', weight: 9, score: 1.23456, isServing: true },
            { version: '4', weight: 1, score: 7, isServing: true },
          ],
        },
        { model: 'chat', version: '3', by: 'fallback', detail: 'chat:4 failed: engine_failed' },
      ],
      replicaId: 'b',
      replicaScores: [
        { id: 'a', inFlight: 2, slots: 4, hasFailed: false },
        { id: 'b', inFlight: 1, slots: 4, hasFailed: false },
      ],
      replicasPassedOver: [{ id: 'c', because: 'loading' }],
      dispatchedMs: 1010.5,
      firstEventMs: 1100,
      lastEventMs: 1300,
      deltas: 3,
      usage: { promptTokens: 7, cachedTokens: 5, completionTokens: 3 },
      timings: { queueMs: 1, prefillMs: 80, decodeMs: 200 },
    }),
  );
  const scores = [
    { version: '3', weight: 9, score: 1.235, isServing: true, isPick: false },
    { version: '4', weight: 1, score: 7, isServing: true, isPick: true },
  ];
  assert.deepEqual(book.find('req-1'), {
    id: 'req-1',
    endpoint: 'POST /v1/chat/completions',
    key: 'key-1',
    at: '2023-11-14T22:13:20.000Z',
    status: 200,
    outcome: 'ok',
    model: 'chat',
    version: '3',
    arm: 'current',
    routes: [
      {
        model: 'chat',
        version: '4',
        arm: 'candidate',
        why: 'highest score of the versions that share requests (rollout)',
        by: 'rollout',
        purpose: { kind: 'rollout', id: 'r1' },
        unit: '0011223344556677',
        scores,
      },
      { model: 'chat', version: '3', why: "in another's place: chat:4 failed: engine_failed", by: 'fallback' },
    ],
    fallbacks: 1,
    replica: {
      id: 'b',
      why: 'least work per slot; one that was lost with this request only when there is no other',
      candidates: [
        { id: 'a', inFlight: 2, slots: 4, load: 0.5, wasLost: false, isPick: false },
        { id: 'b', inFlight: 1, slots: 4, load: 0.25, wasLost: false, isPick: true },
      ],
      passedOver: [{ id: 'c', because: 'loading' }],
    },
    lostReplicas: 0,
    times: { waitMs: 10.5, queueMs: 1, prefillMs: 80, decodeMs: 200, firstTokenMs: 100, gapMs: 100, totalMs: 500 },
    tokens: { prompt: 7, cached: 5, completion: 3 },
  });
});

test('the times of a folded answer are those that the replica took', () => {
  const book = new ReceiptBookRing(3);
  const usage = { promptTokens: 7, cachedTokens: 5, completionTokens: 3 };
  const timings = { queueMs: 1, prefillMs: 80, decodeMs: 200 };
  book.keep(kept('a', { isFolded: true, firstEventMs: 1400, lastEventMs: 1400, deltas: 3, usage, timings }));
  const { times } = book.find('a') as { readonly times: Readonly<Record<string, number>> };
  assert.equal(times['firstTokenMs'], 81);
  assert.equal(times['gapMs'], 100);
});

test('replicas that were lost before another version answered are counted, too', () => {
  const book = new ReceiptBookRing(3);
  book.keep(kept('a', { earlierLosses: 2 }));
  book.keep(kept('b', { earlierLosses: 2, losses: 1 }));
  const lost = ['a', 'b'].map((id) => (book.find(id) as { readonly lostReplicas: number }).lostReplicas);
  assert.deepEqual(lost, [2, 3]);
});

test('a failure is told, and an answer that nobody waited for', () => {
  const book = new ReceiptBookRing(3);
  book.keep(kept('a', { failure: 'engine_failed' }));
  book.keep(kept('b', {}, { isComplete: false, method: 'GRPC', endpoint: '/inference.GRPCInferenceService/ModelInfer' }));
  const [a, b] = ['a', 'b'].map((id) => book.find(id) as Readonly<Record<string, unknown>>);
  assert.equal(a?.['outcome'], 'failed');
  assert.equal(a?.['failure'], 'engine_failed');
  assert.equal(b?.['outcome'], 'cancelled');
  assert.equal(b?.['endpoint'], '/inference.GRPCInferenceService/ModelInfer');
});

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { openPaper } from '../../../tests/support/paper-terminal.ts';
import { describeDetail } from './audit.ts';
import { receiptSchema, type ShownReceipt } from './receipt-document.ts';
import { drawReceipt } from './receipt-picture.ts';

function receipt(fields: Partial<ShownReceipt> = {}): ShownReceipt {
  return receiptSchema.parse({
    id: 'req-1',
    endpoint: 'POST /v1/chat/completions',
    key: 'local',
    at: new Date(2026, 10, 24, 12, 0, 0).toISOString(),
    status: 200,
    outcome: 'ok',
    model: 'chat',
    version: '4',
    arm: 'candidate',
    routes: [
      {
        model: 'chat',
        version: '4',
        arm: 'candidate',
        why: 'highest score of the versions that share requests (rollout)',
        by: 'rollout',
        purpose: { kind: 'rollout', id: 'r_1' },
        unit: 'c0ffee',
        scores: [
          { version: '3', weight: 95, score: 12.5, isServing: true, isPick: false },
          { version: '4', weight: 5, score: 99.123456, isServing: true, isPick: true },
        ],
      },
    ],
    replica: {
      id: 'r2',
      why: 'least work per slot; one that was lost with this request only when there is no other',
      candidates: [
        { id: 'r1', inFlight: 9, slots: 16, load: 0.56, wasLost: false, isPick: false },
        { id: 'r2', inFlight: 2, slots: 16, load: 0.13, wasLost: false, isPick: true },
      ],
    },
    lostReplicas: 0,
    times: { waitMs: 0.1, queueMs: 0, prefillMs: 25, decodeMs: 75, firstTokenMs: 25, gapMs: 7.5, totalMs: 100 },
    tokens: { prompt: 12, cached: 8, completion: 10 },
    ...fields,
  });
}

test('a receipt tells how it ended, which version and replica answered and why, and where the time went', () => {
  assert.equal(
    drawReceipt(receipt(), openPaper({ columns: 100 })),
    `✔ answered by chat, version 4 in 100 ms (status 200)
POST /v1/chat/completions, 2026-11-24 12:00, by key local, req-1

Version   chat:4, arm candidate: highest score of the versions that share requests (rollout)
          part of rollout r_1
          stays together as unit c0ffee
          · version 3: weight 95 of 100, score 12.5
          ▸ version 4: weight 5 of 100, score 99.12

Replica   r2: least work per slot
          · r1: 9 of 16 slots taken
          ▸ r2: 2 of 16 slots taken

Time      waiting for a replica     0.1 ms  ░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░
          waiting in it             0.0 ms  ░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░
          reading the prompt         25 ms  ████████░░░░░░░░░░░░░░░░░░░░░░
          writing the answer         75 ms  ███████████████████████░░░░░░░
          all                       100 ms
          first token after 25 ms, then one every 7.5 ms
Tokens    12 read, 8 of them from the cache, 10 written
`,
  );
});

test('a request that failed says how, and a fallback is a second stop', () => {
  const [route] = receipt().routes;
  assert.ok(route);
  const second = { model: 'other', version: '1', why: "in another's place: chat has no version that answers", by: 'fallback' };
  const {
    tokens: _,
    replica: __,
    ...rest
  } = receipt({
    outcome: 'failed',
    status: 503,
    failure: 'model_not_ready',
    routes: [route, second],
    times: { totalMs: 3 },
  });
  const text = drawReceipt(rest, openPaper());
  assert.match(text, /^✖ failed by chat, version 4 \(status 503, model_not_ready\)$/m);
  assert.match(text, /^ {10}then other:1: in another's place/m);
  assert.match(text, /^Time {6}all +3\.0 ms$/m);
  assert.doesNotMatch(text, /Tokens|Replica/);
});

test('replicas that were lost or passed over are told', () => {
  const { replica } = receipt();
  assert.ok(replica);
  const passedOver = [{ id: 'r3', because: 'it was seen busy' }];
  const text = drawReceipt(receipt({ lostReplicas: 1, replica: { ...replica, passedOver } }), openPaper());
  assert.match(text, /one that was lost with this request only when there is no other/);
  assert.match(text, /^ {10}1 replica was lost on the way$/m);
  assert.match(text, /^ {10}· r3: passed over, it was seen busy$/m);
});

const details: ReadonlyArray<readonly [detail: Record<string, unknown>, words: string]> = [
  [
    {
      model: 'chat',
      baseline: '3',
      candidate: '4',
      from: { state: 'canary', share: 0.05, step: 1 },
      to: { state: 'canary', share: 0.25, step: 2 },
      reason: 'all judges pass',
      revision: 7,
      aliases: [],
    },
    '3 → 4 canary 5 % → canary 25 %, all judges pass',
  ],
  [
    {
      baseline: '3',
      candidate: '4',
      from: null,
      to: { state: 'preparing', share: 0, step: 0 },
      reason: 'it begins',
      strategy: ['canary'],
    },
    '3 → 4 preparing, it begins, strategy ["canary"]',
  ],
  [{ alias: 'stable', to: '4' }, 'alias stable, to 4'],
];

for (const [detail, words] of details) {
  test(`an entry of the audit log reads "${words}"`, () => assert.equal(describeDetail({ detail }), words));
}

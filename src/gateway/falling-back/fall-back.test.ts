import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setImmediate as turn } from 'node:timers/promises';
import fc from 'fast-check';
import { PlinthError, type ErrorCode } from '../../core/errors/index.ts';
import { isTerminal, type InferenceEvent } from '../../core/inference/index.ts';
import { generateRequest, modelTraffic, routedModel, routedReplica } from '../fake-snapshots.ts';
import type { NextStage, StageCall } from '../stage.ts';
import { createFallBack } from './fall-back.ts';

const FINISHED: InferenceEvent = { type: 'finished', timings: { queueMs: 0, prefillMs: 0, decodeMs: 0 } };
const said = (text: string): InferenceEvent => ({ type: 'text-delta', choice: 0, text });
const failed = (code: ErrorCode): InferenceEvent => ({ type: 'failed', error: { code, message: `it is ${code}` } });

const MODELS = [
  routedModel({ version: '1' }),
  routedModel({ version: '2' }),
  routedModel({ version: '3', replicas: [routedReplica({ state: 'loading' })] }),
  routedModel({ name: 'other' }),
];

const resolve = (target: string, model: string) =>
  MODELS.find(({ name, version }) => (target === version && name === model) || target === name);

interface Setting {
  readonly fallback?: readonly string[];
  readonly chosen?: string;
  readonly call?: Partial<StageCall>;
  /** What each version says, by `name:version`. */
  readonly answers: Readonly<Record<string, readonly InferenceEvent[] | Error>>;
}

function setUp({ fallback = ['1', 'other'], chosen = '2', call, answers }: Setting) {
  const asked: StageCall[] = [];
  const reasons: string[] = [];
  const told: string[] = [];
  const full: StageCall = {
    requestId: 'r',
    principal: { keyId: 'k', role: 'inference' },
    signal: new AbortController().signal,
    deadlineMs: 1e12,
    record: { startedMs: 0, deltas: 0 },
    model: MODELS.find(({ version }) => version === chosen) ?? routedModel(),
    traffic: modelTraffic({ fallback }),
    onRouted: ({ model, version }) => told.push(`${model}:${version}`),
    ...call,
  };
  const next: NextStage = (request, given) => {
    asked.push(given);
    const answer = answers[`${given.model?.name}:${given.model?.version}`];
    if (answer instanceof Error) throw answer;
    assert.ok(given === asked[0] || given.model?.version === request.version);
    return play(answer ?? []);
  };
  const stage = createFallBack({ resolve, onFallback: ({ reason }) => reasons.push(reason), now: () => 0 });
  return { full, asked, reasons, told, run: () => stage(generateRequest(), full, next) };
}

async function* play(events: readonly InferenceEvent[]): AsyncGenerator<InferenceEvent> {
  for (const event of events) {
    await turn();
    yield event;
  }
}

async function gather(events: AsyncIterable<InferenceEvent>): Promise<readonly InferenceEvent[]> {
  const all: InferenceEvent[] = [];
  for await (const event of events) all.push(event);
  return all;
}

test('a version that fails before it has said anything is replaced by the next target, and the record says so', async () => {
  const given = setUp({ answers: { 'echo:2': [failed('queue_full')], 'echo:1': [said('saved'), FINISHED] } });
  assert.deepEqual(await gather(given.run()), [said('saved'), FINISHED]);
  const { record } = given.full;
  assert.deepEqual(record.routes, [{ model: 'echo', version: '1', by: 'fallback', detail: 'echo:2 failed: queue_full' }]);
  assert.equal(record.failure, undefined);
  assert.deepEqual(given.told, ['echo:1']);
  assert.deepEqual(given.reasons, ['queue_full']);
});

test('what answers by fallback takes no part in what the traffic compares', async () => {
  const given = setUp({ answers: { 'echo:2': [failed('replica_lost')], 'echo:1': [FINISHED] } });
  await gather(given.run());
  assert.deepEqual(
    given.asked.map(({ traffic, route }) => [traffic !== undefined, route?.by]),
    [
      [true, undefined],
      [false, 'fallback'],
    ],
  );
});

const lossy = (lost: number, code?: ErrorCode) =>
  async function* losing({ record }: StageCall): AsyncGenerator<InferenceEvent> {
    await turn();
    if (lost > 0) record.losses = (record.losses ?? 0) + lost;
    yield code === undefined ? FINISHED : failed(code);
  };

for (const [title, last, code] of [
  ['a later target answers', lossy(0), undefined],
  ['nothing answers', lossy(3, 'replica_lost'), 'replica_lost'],
] as const)
  test(`replicas that were lost before count for the request, and not for who answers: ${title}`, async () => {
    const { full } = setUp({ answers: {} });
    const seen: (number | undefined)[] = [];
    const attempts = [lossy(1, 'replica_lost'), lossy(1, 'engine_failed'), last];
    const next: NextStage = (_, call) => {
      seen.push(call.record.losses);
      return attempts[seen.length - 1]?.(call) ?? play([]);
    };
    const traffic = modelTraffic({ fallback: ['1', 'other'] });
    const stage = createFallBack({ resolve, onFallback: () => undefined, now: () => 0 });
    await gather(stage(generateRequest(), { ...full, traffic }, next));
    assert.deepEqual(seen, [undefined, undefined, undefined]);
    assert.deepEqual([full.record.losses, full.record.earlierLosses], [undefined, code === undefined ? 2 : 5]);
  });

const replaceable: readonly ErrorCode[] = [
  'model_not_ready',
  'model_unavailable',
  'model_not_found',
  'queue_full',
  'queue_timeout',
  'engine_failed',
  'replica_lost',
];
const kept: readonly ErrorCode[] = ['invalid_request', 'context_length_exceeded', 'cancelled', 'deadline_exceeded', 'draining'];

for (const code of [...replaceable, ...kept]) {
  const isReplaceable = replaceable.includes(code);
  test(`the failure ${code} ${isReplaceable ? 'is made good by another target' : 'is the answer'}`, async () => {
    const { run } = setUp({ answers: { 'echo:2': [failed(code)], 'echo:1': [said('saved'), FINISHED] } });
    assert.deepEqual(await gather(run()), isReplaceable ? [said('saved'), FINISHED] : [failed(code)]);
  });
}

test('after the first event of a stream its failure is passed on', async () => {
  const { run } = setUp({ answers: { 'echo:2': [said('half'), failed('replica_lost')], 'echo:1': [FINISHED] } });
  assert.deepEqual(await gather(run()), [said('half'), failed('replica_lost')]);
});

test('a folded answer is replaced also after events, and nothing of the failed one is left', async () => {
  const { run } = setUp({
    call: { isFolded: true },
    answers: { 'echo:2': [said('half'), failed('engine_failed')], 'echo:1': [said('a'), said('b'), FINISHED] },
  });
  assert.deepEqual(await gather(run()), [said('a'), said('b'), FINISHED]);
});

test('each target is tried once, in order, and the first failure is what the caller is told', async () => {
  const given = setUp({
    fallback: ['2', '1', '1', 'other', 'nowhere'],
    answers: {
      'echo:2': [failed('queue_full')],
      'echo:1': [failed('engine_failed')],
      'other:1': [failed('context_length_exceeded')],
    },
  });
  assert.deepEqual(await gather(given.run()), [failed('queue_full')]);
  assert.deepEqual(
    given.asked.map(({ model }) => `${model?.name}:${model?.version}`),
    ['echo:2', 'echo:1', 'other:1'],
  );
  assert.equal(given.full.record.failure, 'queue_full');
});

test('when nothing answers, what is said of the failure is said of the version that was chosen', async () => {
  const route = { model: 'echo', version: '2', by: 'rollout', arm: 'candidate' } as const;
  const given = setUp({
    call: { route },
    answers: { 'echo:2': [failed('queue_full')], 'echo:1': [failed('engine_failed')], 'other:1': [failed('engine_failed')] },
  });
  assert.deepEqual(await gather(given.run()), [failed('queue_full')]);
  assert.equal(given.told.at(-1), 'echo:2');
  const { model, version, arm, failure } = given.full.record;
  assert.deepEqual([model, version, arm, failure], ['echo', '2', 'candidate', 'queue_full']);
});

test('who asks for a version by its number gets that version or its failure, who asks by an alias gets an answer', async () => {
  const answers = { 'echo:2': [failed('engine_failed')], 'echo:1': [said('saved'), FINISHED] };
  const ask = (by: 'request' | 'alias') => setUp({ call: { route: { model: 'echo', version: '2', by } }, answers }).run();
  assert.deepEqual(await gather(ask('request')), [failed('engine_failed')]);
  assert.deepEqual(await gather(ask('alias')), [said('saved'), FINISHED]);
});

test('a stage that refuses by throwing has failed like one that says so', async () => {
  const thrown = new PlinthError({ code: 'model_not_ready', message: 'no' });
  const given = setUp({ answers: { 'echo:2': thrown, 'echo:1': thrown, 'other:1': [said('x'), FINISHED] } });
  assert.deepEqual(await gather(given.run()), [said('x'), FINISHED]);
});

test('a version that is not serving is not asked while a target serves, and a target that is not is passed over', async () => {
  const given = setUp({ chosen: '3', fallback: ['3', '1'], answers: { 'echo:1': [said('x'), FINISHED] } });
  assert.deepEqual(await gather(given.run()), [said('x'), FINISHED]);
  assert.deepEqual(given.reasons, ['model_not_ready']);
  const alone = setUp({ fallback: ['3'], answers: { 'echo:2': [failed('queue_full')] } });
  assert.deepEqual(await gather(alone.run()), [failed('queue_full')]);
  assert.equal(alone.asked[0]?.hasElsewhere, undefined);
});

test('all but the last target are told that there is another', async () => {
  const given = setUp({ answers: { 'echo:2': [failed('queue_full')], 'echo:1': [failed('queue_full')], 'other:1': [FINISHED] } });
  await gather(given.run());
  assert.deepEqual(
    given.asked.map(({ hasElsewhere }) => hasElsewhere),
    [true, true, false],
  );
});

test('a copy, a request from inside and one of a sequence are never answered by another version', () => {
  const given = setUp({ answers: {} });
  const stage = createFallBack({ resolve, onFallback: () => undefined });
  const events = play([]);
  const next: NextStage = () => events;
  for (const origin of ['shadow', 'inside'] as const)
    assert.equal(stage(generateRequest(), { ...given.full, origin }, next), events);
  const sequence = { id: '1', idType: 'number', isStart: true, isEnd: false } as const;
  const request = { kind: 'tensors', id: 'r', model: 'echo', timeLeftMs: 1, inputs: [], parameters: {}, sequence } as const;
  assert.equal(stage(request, given.full, next), events);
  assert.equal(stage(generateRequest(), { ...given.full, traffic: modelTraffic() }, next), events);
});

test('nothing is tried any more when the time is up or the caller has gone', async () => {
  const answers = { 'echo:2': [failed('queue_full')], 'echo:1': [said('late'), FINISHED] };
  const late = setUp({ call: { deadlineMs: 0 }, answers });
  assert.deepEqual(await gather(late.run()), [failed('queue_full')]);
  const gone = setUp({ call: { signal: AbortSignal.abort() }, answers });
  assert.deepEqual(await gather(gone.run()), [failed('queue_full')]);
});

test('a reader that leaves ends the attempt and starts no other', async () => {
  let returned = 0;
  const hanging: AsyncIterableIterator<InferenceEvent> = {
    [Symbol.asyncIterator]: () => hanging,
    next: () => pending.promise,
    return() {
      returned += 1;
      pending.resolve({ done: true, value: undefined });
      return Promise.resolve({ done: true, value: undefined });
    },
  };
  const pending = Promise.withResolvers<IteratorResult<InferenceEvent>>();
  const given = setUp({ answers: {} });
  const stage = createFallBack({ resolve, onFallback: () => assert.fail('fell back') });
  const iterator = stage(generateRequest(), given.full, () => hanging)[Symbol.asyncIterator]();
  const first = iterator.next();
  await turn();
  await iterator.return?.();
  assert.deepEqual(await first, { done: true, value: undefined });
  assert.deepEqual(await iterator.next(), { done: true, value: undefined });
  assert.equal(returned, 1);
});

const endings = fc.constantFrom<InferenceEvent | undefined>(
  FINISHED,
  failed('queue_full'),
  failed('replica_lost'),
  failed('invalid_request'),
  undefined,
);
const answer = fc.tuple(fc.array(fc.constant('x'), { maxLength: 3 }), endings).map(([texts, end]) => ({ texts, end }));

test('whatever versions do, a request has exactly one terminal event and words of one version only', async () => {
  await fc.assert(
    fc.asyncProperty(fc.tuple(answer, answer, answer), fc.boolean(), async (answers, isFolded) => {
      const [second = [], first = [], other = []] = answers.map(({ texts, end }, index) => [
        ...texts.map(() => said(String(index))),
        ...(end === undefined ? [] : [end]),
      ]);
      const given = setUp({ call: { isFolded }, answers: { 'echo:2': second, 'echo:1': first, 'other:1': other } });
      const events = await gather(given.run());
      const isBroken = !isFolded && events.length > 0 && !events.some(isTerminal);
      assert.equal(events.filter(isTerminal).length, isBroken ? 0 : 1);
      const voices = new Set(events.flatMap((event) => (event.type === 'text-delta' ? [event.text] : [])));
      assert.ok(voices.size <= 1);
      assert.ok(given.asked.length <= 3);
    }),
    { numRuns: 150 },
  );
});

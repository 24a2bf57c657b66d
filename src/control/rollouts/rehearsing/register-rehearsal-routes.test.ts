import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { openVersions, type OpenVersions } from '../../../../tests/support/inside-port.ts';
import { configSchema } from '../../../core/config/index.ts';
import type { InferencePort } from '../../../core/messages/index.ts';
import { createLogger } from '../../../core/telemetry/index.ts';
import { openBook, type Book } from '../../book/index.ts';
import { openManagementPort, type ManagementPort } from '../../management/index.ts';
import { createAssessor } from '../assessing/index.ts';
import { createCaptureWriter, registerRehearsalRoutes, type CaptureWriter } from './index.ts';

const folder = mkdtempSync(join(tmpdir(), 'plinth-routes-'));
const logger = createLogger({ level: 'silent' });
let book: Book;
let versions: OpenVersions;
let writer: CaptureWriter;
let port: ManagementPort;
/** What happens before each request is asked. */
let beforeAsked: () => Promise<void> = () => Promise.resolve();

before(async () => {
  book = await openBook({ home: folder });
  for (const version of ['1', '2']) {
    const addVersion = { model: 'parrot', version, settings: {}, madeBy: 'added', addedBy: 'local', addedAt: 1 };
    await book.change({
      audit: { actor: 'local', action: 'version.added', subject: `parrot:${version}`, detail: {} },
      addVersion,
    });
  }
  versions = await openVersions([
    { name: 'parrot', version: '1' },
    { name: 'parrot', version: '2' },
  ]);
  const inference: InferencePort = {
    async *infer(request, signal) {
      await beforeAsked();
      yield* versions.infer(request, signal);
    },
  };
  writer = createCaptureWriter({ records: book, mostPerModel: 100, logger });
  port = await openManagementPort({
    config: configSchema.parse({ managementPort: 0 }),
    keyring: { verify: () => undefined },
    localToken: 'token',
    logger,
    mount: (app) =>
      registerRehearsalRoutes(app, {
        inference,
        records: book,
        releases: book,
        logger,
        assessor: createAssessor({ inference, isServed: () => false, logger }),
        ensureLoaded: () => Promise.resolve(),
        keepLoaded: () => () => undefined,
        flushCaptures: () => writer.flush(),
      }),
  });
});

after(async () => {
  await port.close();
  await versions.close();
  await book.close();
  rmSync(folder, { recursive: true });
});

function capture(text: string): void {
  writer.capture({ kind: 'embed', id: 'r', model: 'parrot', timeLeftMs: 1, inputs: [{ type: 'text', text }] }, Date.now());
}

function call(path: string, body?: object, signal?: AbortSignal): Promise<Response> {
  return fetch(`${port.url}${path}`, {
    headers: { authorization: 'Bearer token', ...(body === undefined ? {} : { 'content-type': 'application/json' }) },
    ...(body === undefined ? {} : { method: 'POST', body: JSON.stringify(body) }),
    ...(signal === undefined ? {} : { signal }),
  });
}

const linesOf = async (response: Response) =>
  (await response.text())
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as Record<string, Record<string, unknown>>);

test('a rehearsal streams its progress and ends with the report', async () => {
  for (let at = 0; at < 6; at++) capture(`text ${at} of ada@example.org`);
  await writer.flush();
  const response = await call('/plinth/v1/rehearsals', { model: 'parrot', to: 2, requests: 5, plan: { leastObservations: 4 } });
  assert.equal(response.headers.get('content-type'), 'application/x-ndjson');
  const lines = await linesOf(response);
  const report = lines.at(-1)?.['report'];
  assert.deepEqual(
    [report?.['baseline'], report?.['candidate'], report?.['requests'], report?.['verdict']],
    ['1', '2', 5, 'pass'],
  );
  assert.equal(lines.filter(({ progress }) => progress?.['state'] === 'asking').length, 5);
});

test('a failure after the answer has begun is its last line', async () => {
  await book.change({
    audit: { actor: 'local', action: 'version.added', subject: 'mute:1', detail: {} },
    addVersion: { model: 'mute', version: '1', settings: {}, madeBy: 'added', addedBy: 'local', addedAt: 1 },
  });
  await book.change({
    audit: { actor: 'local', action: 'version.added', subject: 'mute:2', detail: {} },
    addVersion: { model: 'mute', version: '2', settings: {}, madeBy: 'added', addedBy: 'local', addedAt: 1 },
  });
  const lines = await linesOf(await call('/plinth/v1/rehearsals', { model: 'mute', to: '2' }));
  assert.equal(lines.at(-1)?.['error']?.['code'], 'conflict');
});

for (const [what, body, status] of [
  ['an unknown model', { model: 'nobody', to: '2' }, 404],
  ['an unknown version', { model: 'parrot', to: '9' }, 404],
  ['a number of requests that is none', { model: 'parrot', to: '2', requests: 0 }, 400],
  ['a field that nobody knows', { model: 'parrot', to: '2', speed: 1 }, 400],
  ['a plan with a field that nobody knows', { model: 'parrot', to: '2', plan: { speed: 1 } }, 400],
] as const) {
  test(`${what} is refused with ${status}`, async () => {
    assert.equal((await call('/plinth/v1/rehearsals', body)).status, status);
  });
}

test('one rehearsal runs at a time, and it ends when its caller leaves', async () => {
  const gate = Promise.withResolvers<void>();
  const isAsked = Promise.withResolvers<void>();
  beforeAsked = () => {
    isAsked.resolve();
    return gate.promise;
  };
  const leave = new AbortController();
  const body = { model: 'parrot', to: '2' };
  const first = await call('/plinth/v1/rehearsals', body, leave.signal);
  await isAsked.promise;
  assert.equal((await call('/plinth/v1/rehearsals', body)).status, 409);
  leave.abort();
  await assert.rejects(first.text());
  beforeAsked = () => Promise.resolve();
  gate.resolve();
  let again = await call('/plinth/v1/rehearsals', body);
  while (again.status === 409) again = await call('/plinth/v1/rehearsals', body);
  assert.equal(again.status, 200);
  await again.text();
});

test('captures are counted, shown when asked for, and forgotten, and that is audited', async () => {
  const count = (await (await call('/plinth/v1/captures?model=parrot')).json()) as Record<string, unknown>;
  assert.deepEqual([count['count'], count['redacted'], count['captures']], [6, { 'e-mail': 6 }, undefined]);
  const shown = (await (await call('/plinth/v1/captures?model=parrot&contents=1')).json()) as { captures: object[] };
  assert.match(JSON.stringify(shown.captures), /text 0 of \[e-mail\]/);
  const seen: string[] = [];
  for (let next: string | undefined = ''; next !== undefined;) {
    const url = `/plinth/v1/captures?model=parrot&contents=1&limit=4${next && `&before=${next}`}`;
    const page = (await (await call(url)).json()) as { count: number; captures: { id: string }[]; next?: string };
    assert.equal(page.count, page.captures.length);
    seen.push(...page.captures.map(({ id }) => id));
    next = page.next;
  }
  assert.deepEqual([seen.length, new Set(seen).size], [6, 6]);
  for (const wrong of ['limit=0', 'limit=1001', 'limit=x', 'limit=', 'before=1', 'before=x.c_1', 'limit=1&limit=2'])
    assert.equal((await call(`/plinth/v1/captures?model=parrot&${wrong}`)).status, 400, wrong);
  capture('under way');
  const forgotten = await call('/plinth/v1/captures/forget', { model: 'parrot' });
  assert.deepEqual(await forgotten.json(), { model: 'parrot', removed: 7 });
  const [entry] = (await book.readAudit({ after: 0, most: 100 })).slice(-1);
  assert.deepEqual(
    [entry?.actor, entry?.action, entry?.subject, entry?.detail],
    ['local', 'captures.forgotten', 'parrot', { removed: 7 }],
  );
  assert.equal((await call('/plinth/v1/captures')).status, 400);
  assert.equal((await call('/plinth/v1/captures/forget', {})).status, 400);
});

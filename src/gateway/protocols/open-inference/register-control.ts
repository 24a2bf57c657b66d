import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { loadModel, refuseCudaMemory, repositoryIndex, unloadModel, type TraceChange } from '../open-inference-control/index.ts';
import { isModelReady } from '../open-inference-model/index.ts';
import { refuse } from '../open-inference-tensors/index.ts';
import { readOptionalFields, readParameterFields, sendJson, unsupported, type Visit } from './visit.ts';

type Answer = (visit: Visit) => FastifyReply | Promise<FastifyReply>;
type MakeVisit = (request: FastifyRequest, reply: FastifyReply) => Visit;

/** Repository, settings and shared memory: what changes how the platform answers. */
export function registerControl(scope: FastifyInstance, visitOf: MakeVisit): void {
  const get = (path: string, answer: Answer): void => void scope.get(path, (request, reply) => answer(visitOf(request, reply)));
  const post = (path: string, answer: Answer, bodyLimit?: number): void =>
    void scope.post(path, bodyLimit === undefined ? {} : { bodyLimit }, (request, reply) => answer(visitOf(request, reply)));

  post('/v2/repository/index', answerIndex);
  post('/v2/repository/models/:model/load', answerLoad, LARGEST_LOAD_BYTES);
  post('/v2/repository/models/:model/unload', answerUnload);
  post('/v2/repository/:repository/index', answerIndex);
  for (const action of ['load', 'unload'])
    post(`/v2/repository/:repository/models/:model/${action}`, () => {
      throw unsupported("'repository_name' specification is not supported");
    });

  for (const path of ['/v2/trace/setting', '/v2/models/:model/trace/setting']) {
    get(path, (visit) => sendJson(visit.reply, visit.open.trace.get(tracedModel(visit))));
    post(path, answerTraceUpdate);
  }
  get('/v2/logging', ({ open, reply }) => sendJson(reply, open.logging.get()));
  post('/v2/logging', ({ open, reply, body, call }) => sendJson(reply, open.logging.update(readOptionalFields(body), call)));

  for (const region of ['', '/region/:region']) {
    get(`/v2/systemsharedmemory${region}/status`, answerMemoryStatus);
    post(`/v2/systemsharedmemory${region}/register`, answerMemoryRegister);
    post(`/v2/systemsharedmemory${region}/unregister`, answerMemoryUnregister);
    get(`/v2/cudasharedmemory${region}/status`, ({ reply }) => sendJson(reply, []));
    post(`/v2/cudasharedmemory${region}/register`, refuseCudaMemory);
    post(`/v2/cudasharedmemory${region}/unregister`, ({ reply }) => reply.send());
  }
}

/** A load may bring the files of a model. */
const LARGEST_LOAD_BYTES = 64 * 1024 * 1024;

function answerIndex({ door, body, call, reply }: Visit): FastifyReply {
  const { ready = false } = readOptionalFields(body);
  if (typeof ready !== 'boolean') throw refuse("Unable to parse 'ready': attempt to access JSON non-boolean as boolean");
  const entries = repositoryIndex(door, { ready: ready ? 'only' : 'all' }, call);
  return sendJson(
    reply,
    entries.map(({ name, version, state, reason }) =>
      version === undefined ? { name } : { name, version, state, ...(reason === undefined || reason === '' ? {} : { reason }) },
    ),
  );
}

async function answerLoad({ door, ask, body, call, reply }: Visit): Promise<FastifyReply> {
  const parameters = new Map<string, string | Uint8Array>();
  for (const [name, value] of Object.entries(readParameterFields(body))) {
    if (typeof value !== 'string')
      throw refuse(`Unable to parse '${name.slice(0, 64)}': attempt to access JSON non-string as string`);
    parameters.set(name, name.startsWith('file:') ? decodeBase64(name, value) : value);
  }
  await loadModel(door, { model: ask.name, parameters }, call);
  return reply.send();
}

async function answerUnload({ door, ask, body, call, reply }: Visit): Promise<FastifyReply> {
  const { unload_dependents: dependents } = readParameterFields(body);
  if (dependents !== undefined && typeof dependents !== 'boolean')
    throw refuse("Unable to parse 'unload_dependents': attempt to access JSON non-boolean as boolean");
  const parameters = new Map(dependents === undefined ? [] : [['unload_dependents', dependents]]);
  await unloadModel(door, { model: ask.name, parameters }, call);
  return reply.send();
}

function decodeBase64(name: string, text: string): Uint8Array {
  if (!/^[A-Za-z0-9+/\s]*(?:=\s*){0,2}$/.test(text)) throw refuse(`Unable to parse '${name.slice(0, 64)}': it is not base64`);
  return Buffer.from(text, 'base64');
}

/** Settings of one model are those of a model that answers. */
function tracedModel({ door, ask, call }: Visit): string {
  if (ask.name !== '' && !isModelReady(door, ask, call)) throw refuse(`Request for unknown model : ${ask.name}`);
  return ask.name;
}

function answerTraceUpdate(visit: Visit): FastifyReply {
  const change: Record<string, readonly string[] | null> = {};
  for (const [name, value] of Object.entries(readOptionalFields(visit.body))) {
    if (value === null) change[name] = null;
    else if (typeof value === 'string') change[name] = [value];
    else if (Array.isArray(value)) change[name] = value.map((one) => requireText(name, one));
    else throw refuse(`Unable to parse '${name.slice(0, 64)}': attempt to access JSON non-string as string`);
  }
  return sendJson(visit.reply, visit.open.trace.update(tracedModel(visit), change satisfies TraceChange, visit.call));
}

function requireText(name: string, value: unknown): string {
  if (typeof value === 'string') return value;
  throw refuse(`Unable to parse '${name.slice(0, 64)}': attempt to access JSON non-string as string`);
}

function regionOf({ request }: Visit): string {
  return (request.params as { readonly region?: string }).region ?? '';
}

function answerMemoryStatus(visit: Visit): FastifyReply {
  const regions = visit.open.regions.status(regionOf(visit));
  return sendJson(
    visit.reply,
    regions.map(({ name, key, offset, byteSize }) => ({ name, key, offset, byte_size: byteSize })),
  );
}

async function answerMemoryRegister(visit: Visit): Promise<FastifyReply> {
  if (regionOf(visit) === '') throw refuse("'region name' is necessary to register system shared memory region");
  const fields = readOptionalFields(visit.body);
  const { key, offset = 0, byte_size: byteSize } = fields;
  if (key === undefined) throw refuse("Shared memory register request has no 'key' field");
  if (byteSize === undefined) throw refuse("Shared memory register request has no 'byte_size' field");
  if (typeof offset !== 'number' || typeof byteSize !== 'number')
    throw refuse('attempt to access JSON non-unsigned-integer as unsigned-integer');
  await visit.open.regions.register({ name: regionOf(visit), key: requireText('key', key), offset, byteSize });
  return visit.reply.send();
}

async function answerMemoryUnregister(visit: Visit): Promise<FastifyReply> {
  await visit.open.regions.unregister(regionOf(visit));
  return visit.reply.send();
}

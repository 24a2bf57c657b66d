import type { FastifyInstance, FastifyRequest } from 'fastify';
import { z } from 'zod';
import { nearestNames } from '../../core/collections/index.ts';
import { PlinthError } from '../../core/errors/index.ts';
import type { LineRecord } from '../../core/records/index.ts';
import { readForm } from './read-form.ts';
import type { ReleaseBoard } from './release-board.ts';
import { describeLine, describeVersion, type VersionStates } from './release-documents.ts';
import type { Releases } from './releases.ts';
import { versionForm } from './wire-forms.ts';

/** What the routes of releases stand on. */
export interface ReleaseRouteOptions {
  readonly board: Pick<ReleaseBoard, 'current'>;
  /** Who asks. */
  readonly actorOf: (request: FastifyRequest) => string;
  /** How far the versions of a model are on this machine. */
  readonly statesOf: (model: string) => VersionStates;
}

const lineForm = { model: z.string().min(1).max(128), revision: z.int().min(0).optional() };

const addForm = z.strictObject({
  ...lineForm,
  version: versionForm.optional(),
  source: z.string().optional(),
  settings: z.record(z.string(), z.unknown()).default({}),
  parent: versionForm.optional(),
  madeBy: z.string().optional(),
  serve: z.boolean().default(false),
});
const removeForm = z.strictObject({ ...lineForm, version: versionForm, force: z.boolean().default(false) });
const aliasForm = z.strictObject({
  ...lineForm,
  set: z.record(z.string(), z.unknown()).default({}),
  remove: z.array(z.string()).max(64).default([]),
});
const trafficOrderForm = z.strictObject({ ...lineForm, traffic: z.unknown() });
const policyOrderForm = z.strictObject({ ...lineForm, policy: z.unknown() });

/**
 * Lines and versions on the management port: `GET /plinth/v1/lines` (one with `?model=`), `GET /plinth/v1/versions?model=` (removed
 * ones too), `POST /plinth/v1/versions`, `…/versions/remove`, `…/aliases`, `…/traffic` (what is left out stays), `…/policy`. Every answer to a
 * POST holds the line after the change; every POST may carry the line's `revision` that it was made for.
 */
export function registerReleaseRoutes(app: FastifyInstance, releases: Releases, options: ReleaseRouteOptions): void {
  registerReading(app, releases, options);
  registerVersions(app, releases, options);
  registerLines(app, releases, options);
}

function registerReading(app: FastifyInstance, releases: Releases, { board, statesOf }: ReleaseRouteOptions): void {
  app.get('/plinth/v1/lines', (request) => {
    const contents = board.current();
    const names = [...new Set([...contents.lines, ...contents.versions].map(({ model }) => model))].toSorted();
    const wanted = modelOf(request);
    if (wanted !== undefined && !names.includes(wanted)) throw notFound(wanted, names);
    const shown = wanted === undefined ? names : [wanted];
    return { revision: contents.revision, lines: shown.map((model) => describeLine(contents, model, statesOf(model))) };
  });
  const listVersions = async (model: string | undefined): Promise<object> => {
    if (model === undefined)
      throw new PlinthError({
        code: 'invalid_request',
        message: 'Name the model: /plinth/v1/versions?model=chat.',
        param: 'model',
      });
    const versions = await releases.listVersions(model);
    if (versions.length === 0) throw notFound(model, [...new Set(board.current().versions.map((record) => record.model))]);
    return { model, versions: versions.map((record) => describeVersion(record, statesOf(model))) };
  };
  app.get('/plinth/v1/versions', (request) => listVersions(modelOf(request)));
}

function registerVersions(app: FastifyInstance, releases: Releases, options: ReleaseRouteOptions): void {
  app.post('/plinth/v1/versions', async (request, reply) => {
    const { source, serve, ...form } = readForm(addForm, request.body ?? {}, 'The body');
    const { version, line, isHeld } = await releases.addVersion({
      ...withoutGaps(form),
      actor: options.actorOf(request),
      traffic: serve ? 'serve' : 'hold',
      ...(source !== undefined && { reference: source }),
    });
    const states = options.statesOf(line.model);
    return reply.code(201).send({ version: describeVersion(version, states), isHeld, line: describeAfter(line, options) });
  });
  registerChange(app, options, {
    path: '/plinth/v1/versions/remove',
    change: (body, actor) => {
      const { force, ...form } = readForm(removeForm, body, 'The body');
      return releases.removeVersion({ ...withoutGaps(form), actor, ...(force && { force: 'drop-idle-weight' }) });
    },
  });
}

function registerLines(app: FastifyInstance, releases: Releases, options: ReleaseRouteOptions): void {
  registerChange(app, options, {
    path: '/plinth/v1/aliases',
    change: (body, actor) => releases.changeAliases({ ...withoutGaps(readForm(aliasForm, body, 'The body')), actor }),
  });
  registerChange(app, options, {
    path: '/plinth/v1/traffic',
    change: (body, actor) => {
      const { traffic, ...form } = readForm(trafficOrderForm, body, 'The body');
      return releases.setTraffic({ ...withoutGaps(form), traffic, actor });
    },
  });
  registerChange(app, options, {
    path: '/plinth/v1/policy',
    change: (body, actor) => {
      const { policy, ...form } = readForm(policyOrderForm, body, 'The body');
      return releases.setPolicy({ ...withoutGaps(form), policy, actor });
    },
  });
}

interface LineChange {
  readonly path: string;
  /** Reads a body and does what it asks for. */
  readonly change: (body: unknown, actor: string) => Promise<LineRecord>;
}

function registerChange(app: FastifyInstance, options: ReleaseRouteOptions, { path, change }: LineChange): void {
  app.post(path, (request) =>
    change(request.body ?? {}, options.actorOf(request)).then((line) => ({ line: describeAfter(line, options) })),
  );
}

/** The line as a command left it; the board may be behind or ahead. */
function describeAfter(line: LineRecord, { board, statesOf }: ReleaseRouteOptions): object {
  const contents = board.current();
  const lines = [...contents.lines.filter(({ model }) => model !== line.model), line];
  return describeLine({ ...contents, lines }, line.model, statesOf(line.model));
}

function modelOf({ query }: FastifyRequest): string | undefined {
  const { model } = readForm(z.strictObject({ model: z.string().min(1).max(128).optional() }), query, 'The query');
  return model;
}

function withoutGaps<T extends object>(given: T): { [K in keyof T]: Exclude<T[K], undefined> } {
  return Object.fromEntries(Object.entries(given).filter(([, value]) => value !== undefined)) as {
    [K in keyof T]: Exclude<T[K], undefined>;
  };
}

function notFound(model: string, known: readonly string[]): PlinthError {
  const [nearest] = nearestNames(model, known);
  const hint = nearest === undefined ? '' : ` Did you mean ${nearest}?`;
  return new PlinthError({
    code: 'model_not_found',
    message: `No version of a model '${model}' is recorded.${hint}`,
    param: 'model',
  });
}

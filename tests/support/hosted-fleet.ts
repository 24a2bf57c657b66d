import { mkdtempSync, rmSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import {
  hostPlan,
  ModelFleet,
  ModelOffers,
  type ControlEvent,
  type FleetOptions,
  type WantedVersion,
} from '../../src/control/hosting/index.ts';
import { openRunFolder, Placement } from '../../src/control/placement/index.ts';
import type { ModelStore } from '../../src/control/registry/index.ts';
import { configSchema } from '../../src/core/config/index.ts';
import { PlinthError } from '../../src/core/errors/index.ts';
import { encodeFrame, FrameReader } from '../../src/core/framing/index.ts';
import { greedySampling, type GenerateRequest, type JsonObject } from '../../src/core/inference/index.ts';
import { isServing, type FromWorker, type RoutedModel } from '../../src/core/messages/index.ts';
import type { VersionFacts, VersionRecord } from '../../src/core/records/index.ts';
import { createLogger, createMetrics } from '../../src/core/telemetry/index.ts';

const WORKER = fileURLToPath(new URL('../../src/worker/worker-process.ts', import.meta.url));

type HeardEvent = FromWorker['events'][number][1];

/** A store that has no file. */
export const emptyStore: ModelStore = {
  obtain: () => Promise.reject(new PlinthError({ code: 'model_not_found', message: 'No such model.' })),
  list: async () => [],
  find: async () => undefined,
  remove: async () => false,
};

/** The versions of one model, `chat`, in real processes, without gateway and book. */
export class HostedFleet {
  readonly events: ControlEvent[] = [];
  /** What the snapshot said, after every change. */
  history: (readonly RoutedModel[])[] = [];
  readonly found: Array<readonly [version: string, facts: VersionFacts]> = [];
  /** What there is for new processes. */
  freeBytes = 1e12;
  readonly fleet: ModelFleet;
  readonly #home: string;
  readonly #placement: Placement;

  private constructor(home: string, placement: Placement, options: Partial<FleetOptions> & { readonly store?: ModelStore }) {
    this.#home = home;
    this.#placement = placement;
    const room = {
      store: emptyStore,
      placement,
      logger: createLogger({ level: 'silent' }),
      observer: (event: ControlEvent) => void this.events.push(event),
      onChanged: () => void this.history.push(this.fleet.routed()),
      ...options,
    };
    this.fleet = new ModelFleet({
      drainMs: 20_000,
      allowsRequests: () => true,
      readFreeBytes: async () => this.freeBytes,
      onVersionFound: ({ version }, facts) => this.found.push([version, facts]),
      ...room,
      offers: new ModelOffers({ config: configSchema.parse({ home }), privateFolder: home }),
      host: (plan, hooks) => hostPlan({ ...room, ...hooks, plan, environment: {} }),
    });
  }

  static async open(options: Partial<FleetOptions> & { readonly store?: ModelStore } = {}): Promise<HostedFleet> {
    const home = mkdtempSync(join(tmpdir(), 'hosted-fleet-'));
    const logger = createLogger({ level: 'silent' });
    const runFolder = await openRunFolder(home);
    return new HostedFleet(home, new Placement({ runFolder, workerPath: WORKER, metrics: createMetrics(), logger }), options);
  }

  follow(...records: readonly VersionRecord[]): void {
    this.followAll(records.map((record) => ({ record, why: 'a test' })));
  }

  followAll(wanted: readonly WantedVersion[]): void {
    this.fleet.follow(wanted);
  }

  load(version: string): Promise<void> {
    return this.fleet.ensureLoaded('chat', version);
  }

  routed(version: string, models = this.fleet.routed()): RoutedModel | undefined {
    return models.find((model) => model.name === 'chat' && model.version === version);
  }

  /** Versions that answer, the lowest first. */
  serving(models = this.fleet.routed()): readonly string[] {
    return models
      .filter(isServing)
      .map(({ version }) => version)
      .toSorted();
  }

  stateOf(version: string) {
    return this.fleet.statesOf('chat').find((one) => one.version === version);
  }

  eventsOf<T extends ControlEvent['type']>(type: T): ReadonlyArray<Extract<ControlEvent, { type: T }>> {
    return this.events.filter((event): event is Extract<ControlEvent, { type: T }> => event.type === type);
  }

  /** Sends a prompt to a version's replica, as a gateway does. Resolves with all events, without a terminal one when the replica is lost. */
  async ask(version: string, text: string): Promise<readonly HeardEvent[]> {
    const replica = this.routed(version)?.replicas.find(({ state }) => state === 'ready');
    if (replica === undefined) throw new Error(`version ${version} has no ready replica`);
    const socket = connect(replica.socketPath);
    socket.write(encodeFrame({ type: 'infer', stream: 1, request: promptFor(text), delivery: 'stream' }));
    const reader = new FrameReader();
    const heard: HeardEvent[] = [];
    await new Promise<void>((resolve) => {
      socket.on('close', resolve).on('error', () => undefined);
      socket.on('data', (chunk: Buffer) => {
        for (const { header } of reader.push(chunk)) heard.push(...(header as FromWorker).events.map(([, event]) => event));
        if (heard.some(({ type }) => type === 'finished' || type === 'failed')) resolve();
      });
    });
    socket.destroy();
    return heard;
  }

  async close(): Promise<void> {
    this.fleet.stop();
    await this.#placement.stop();
    rmSync(this.#home, { recursive: true, force: true });
  }
}

/** A version of `chat` as the book has it; an echo model of two slots unless something else is said. */
export function versionRecord(version: string, settings: JsonObject = {}, change: Partial<VersionRecord> = {}): VersionRecord {
  return {
    model: 'chat',
    version,
    settings: { engine: 'echo', slots: 2, ...settings },
    madeBy: 'added',
    addedBy: 'local',
    addedAt: 1,
    ...change,
  };
}

/** A greedy completion of at most 24 tokens. */
export function promptFor(text: string): GenerateRequest {
  return {
    kind: 'generate',
    id: 'r',
    model: 'chat',
    timeLeftMs: 60_000,
    prompts: [{ type: 'text', text }],
    choiceCount: 1,
    sampling: greedySampling,
    maxTokens: 24,
    stop: [],
    constraint: { type: 'text' },
    echoesPrompt: false,
    ignoresEnd: false,
  };
}

/** The text of an answer. */
export function textOf(events: readonly HeardEvent[]): string {
  return events.map((event) => (event.type === 'text-delta' ? event.text : '')).join('');
}

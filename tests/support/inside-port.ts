import { spawn, type ChildProcess } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { connect, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { createInterface } from 'node:readline';
import { attachEvent, BodyWriter, detachRequest, encodeFrame, FrameReader } from '../../src/core/framing/index.ts';
import { isTerminal, type InferenceEvent, type InferenceRequest } from '../../src/core/inference/index.ts';
import type { FromReplica, FromWorker, InferencePort, ToReplica, ToWorker } from '../../src/core/messages/index.ts';
import { defaultOnnxOptions, type ModelSpec } from '../../src/core/models/index.ts';

const WORKER = resolve(import.meta.dirname, '../../src/worker/worker-process.ts');

/** What a version is loaded from; the rest is small and plain. */
export type VersionToOpen = Pick<ModelSpec, 'name' | 'version'> & Partial<ModelSpec>;

/** Versions of models, each a real replica process, reached as control reaches them but without a gateway in between. */
export interface OpenVersions extends InferencePort {
  /** Every request that was asked, in order. */
  readonly asked: readonly InferenceRequest[];
  close(): Promise<void>;
}

/** Starts a replica for each version and resolves when all are loaded. */
export async function openVersions(versions: readonly VersionToOpen[]): Promise<OpenVersions> {
  const folder = mkdtempSync(join(tmpdir(), 'plinth-versions-'));
  const asked: InferenceRequest[] = [];
  const replicas = await Promise.all(versions.map((version, at) => openReplica(version, join(folder, `${at}.sock`))));
  return {
    asked,
    infer(request, signal) {
      asked.push(request);
      const replica = replicas.find(
        ({ spec }) => spec.name === request.model && spec.version === (request.version ?? spec.version),
      );
      return replica === undefined ? notThere(request) : replica.infer(request, signal);
    },
    async close() {
      await Promise.all(replicas.map((replica) => replica.close()));
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

async function* notThere({ model, version }: InferenceRequest): AsyncGenerator<InferenceEvent> {
  yield { type: 'failed', error: { code: 'version_not_found', message: `There is no ${model}:${version}.` } };
}

async function openReplica(version: VersionToOpen, socketPath: string): Promise<OpenReplica> {
  const spec: ModelSpec = {
    engine: 'echo',
    task: 'generate',
    onnx: defaultOnnxOptions,
    slots: 2,
    contextTokens: 2048,
    threads: 1,
    gpuLayers: 0,
    queueLength: 64,
    queueTimeoutMs: 60_000,
    memoryLimitBytes: 0,
    stepMs: 0,
    ...version,
  };
  const child = spawn(process.execPath, [WORKER], { stdio: ['pipe', 'pipe', 'inherit'] });
  const load: ToReplica = { type: 'load', spec, socketPath };
  child.stdin.write(`${JSON.stringify(load)}\n`);
  for await (const line of createInterface({ input: child.stdout })) {
    const message = JSON.parse(line) as FromReplica;
    if (message.type === 'load-failed') throw new Error(message.error.message);
    if (message.type === 'loaded') return new OpenReplica(spec, child, connect(socketPath));
  }
  throw new Error(`the replica of ${spec.name}:${spec.version} ended while it loaded`);
}

class OpenReplica {
  readonly spec: ModelSpec;
  readonly #child: ChildProcess;
  readonly #socket: Socket;
  readonly #reader = new FrameReader();
  readonly #streams = new Map<number, (event: InferenceEvent) => void>();
  #last = 0;

  constructor(spec: ModelSpec, child: ChildProcess, socket: Socket) {
    this.spec = spec;
    this.#child = child;
    this.#socket = socket;
    socket.on('data', (chunk: Buffer) => {
      for (const frame of this.#reader.push(chunk))
        for (const [stream, event] of (frame.header as FromWorker).events)
          this.#streams.get(stream)?.(attachEvent(event, frame.body));
    });
    socket.on('error', () => undefined);
    socket.on('close', () => {
      for (const hear of this.#streams.values())
        hear({ type: 'failed', error: { code: 'replica_lost', message: 'The replica was lost.' } });
    });
  }

  async *infer(request: InferenceRequest, signal?: AbortSignal): AsyncGenerator<InferenceEvent> {
    const stream = ++this.#last;
    const heard: InferenceEvent[] = [];
    let wake = (): void => undefined;
    const hear = (event: InferenceEvent): void => {
      heard.push(event);
      wake();
    };
    this.#streams.set(stream, hear);
    const cancel = (): void => {
      this.#send({ type: 'cancel', stream });
      hear({ type: 'failed', error: { code: 'cancelled', message: 'The caller went away.' } });
    };
    signal?.addEventListener('abort', cancel, { once: true });
    const body = new BodyWriter();
    this.#send({ type: 'infer', stream, request: detachRequest(request, body), delivery: 'whole' }, body);
    try {
      for (;;) {
        for (let event = heard.shift(); event !== undefined; event = heard.shift()) {
          yield event;
          if (isTerminal(event)) return;
        }
        await new Promise<void>((done) => (wake = done));
      }
    } finally {
      signal?.removeEventListener('abort', cancel);
      this.#streams.delete(stream);
    }
  }

  close(): Promise<void> {
    const exited = new Promise<void>((done) => this.#child.once('exit', () => done()));
    this.#socket.destroy();
    this.#child.stdin?.end();
    return exited;
  }

  #send(message: ToWorker, body = new BodyWriter()): void {
    this.#socket.write(encodeFrame(message, body.bodies));
  }
}

import { setTimeout as sleep } from 'node:timers/promises';
import { runClient, summarize, watchOwnShare } from './client-process.ts';
import { Connection, formatRequest } from './connection.ts';
import { probeSpecification, type ProbeReport, type ProbeSpecification } from './specifications.ts';

function exchange(connection: Connection, request: Buffer): Promise<number> {
  return new Promise((resolve) => connection.send(request, { onEnd: resolve }));
}

type Load = NonNullable<ProbeSpecification['load']>;

/** Keeps the server at long work, one request after the other, until it is stopped; the one in work then is given up. */
class LongWork {
  readonly durationsMs: number[] = [];
  failures = 0;
  #connection: Connection | undefined;
  #isStopped = false;

  async run(load: Load): Promise<void> {
    const requests = load.bodies.map((body) => formatRequest(load.target, Buffer.from(body, load.encoding)));
    for (const request of Array.from({ length: load.repeats ?? 1 }, () => requests).flat()) {
      if (this.#isStopped) return;
      const connection = new Connection(load.target);
      this.#connection = connection;
      const sentMs = performance.now();
      const status = await exchange(connection, request);
      connection.close();
      if (status === 200) this.durationsMs.push(performance.now() - sentMs);
      else this.failures += 1;
    }
  }

  stop(): void {
    this.#isStopped = true;
    this.#connection?.close();
  }
}

/**
 * Measures from the moment a probe was due, and each on a connection that is free: a late answer neither hides the probes behind it nor
 * makes them late.
 */
async function probe(specification: ProbeSpecification, startMs: number): Promise<{ latenciesMs: number[]; failures: number }> {
  const request = formatRequest(specification.target);
  const free = [new Connection(specification.target)];
  await Promise.all(free.map((connection) => connection.open()));
  const latenciesMs: number[] = [];
  let failures = 0;
  const askOne = async (fromMs: number): Promise<void> => {
    const connection = free.pop() ?? new Connection(specification.target);
    if ((await exchange(connection, request)) === 200) latenciesMs.push(performance.now() - fromMs);
    else failures += 1;
    free.push(connection);
  };
  const asked: Promise<void>[] = [];
  for (let index = 0; index < specification.ratePerSecond * specification.seconds; index += 1) {
    const dueMs = startMs + (index * 1000) / specification.ratePerSecond;
    const waitMs = dueMs - performance.now();
    if (waitMs > 0) await sleep(waitMs);
    asked.push(askOne(waitMs > 0 ? performance.now() : dueMs));
  }
  await Promise.all(asked);
  free.forEach((connection) => connection.close());
  return { latenciesMs, failures };
}

async function measure(specification: ProbeSpecification): Promise<ProbeReport> {
  const ownShare = watchOwnShare();
  const startMs = performance.now();
  const prompts = new LongWork();
  if (specification.load !== undefined) void prompts.run(specification.load);
  const probes = await probe(specification, startMs);
  const clientShare = ownShare();
  prompts.stop();
  return {
    probes: probes.latenciesMs.length,
    failures: probes.failures,
    ...summarize(probes.latenciesMs),
    prompts: prompts.durationsMs.length,
    promptFailures: prompts.failures,
    promptMs: summarize(prompts.durationsMs).p50Ms,
    clientShare,
  };
}

await runClient(probeSpecification, measure);

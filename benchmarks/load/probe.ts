import { setTimeout as sleep } from 'node:timers/promises';
import { runClient, summarize, watchOwnShare } from './client-process.ts';
import { Connection, formatRequest, type Target } from './connection.ts';
import { probeSpecification, type ProbeReport, type ProbeSpecification } from './specifications.ts';

function exchange(connection: Connection, request: Buffer): Promise<number> {
  return new Promise((resolve) => connection.send(request, { onEnd: resolve }));
}

/** Keeps the server reading long prompts, one after the other, until it is stopped; the prompt in work then is given up. */
class PromptReading {
  readonly durationsMs: number[] = [];
  failures = 0;
  #connection: Connection | undefined;
  #isStopped = false;

  async run(load: { readonly target: Target; readonly bodies: readonly string[] }): Promise<void> {
    for (const body of load.bodies) {
      if (this.#isStopped) return;
      const connection = new Connection(load.target);
      this.#connection = connection;
      const sentMs = performance.now();
      const status = await exchange(connection, formatRequest(load.target, body));
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

/** Measures from the moment a probe was due, so that a late answer cannot hide the probes behind it. */
async function probe(specification: ProbeSpecification, startMs: number): Promise<{ latenciesMs: number[]; failures: number }> {
  const request = formatRequest(specification.target);
  const connection = new Connection(specification.target);
  await connection.open();
  const latenciesMs: number[] = [];
  let failures = 0;
  for (let index = 0; index < specification.ratePerSecond * specification.seconds; index += 1) {
    const dueMs = startMs + (index * 1000) / specification.ratePerSecond;
    const waitMs = dueMs - performance.now();
    if (waitMs > 0) await sleep(waitMs);
    const fromMs = waitMs > 0 ? performance.now() : dueMs;
    if ((await exchange(connection, request)) === 200) latenciesMs.push(performance.now() - fromMs);
    else failures += 1;
  }
  connection.close();
  return { latenciesMs, failures };
}

async function measure(specification: ProbeSpecification): Promise<ProbeReport> {
  const ownShare = watchOwnShare();
  const startMs = performance.now();
  const prompts = new PromptReading();
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

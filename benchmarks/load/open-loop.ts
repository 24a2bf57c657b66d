import { seededRandom } from '../harness/statistics.ts';
import { runClient, summarize, watchOwnShare } from './client-process.ts';
import { Connection, formatRequest } from './connection.ts';
import { openLoopSpecification, type LoopReport, type OpenLoopSpecification } from './specifications.ts';

/** Times of a Poisson process over the run, in milliseconds from its start. */
function drawArrivals(specification: OpenLoopSpecification): number[] {
  const random = seededRandom(specification.seed);
  const arrivals: number[] = [];
  let atMs = 0;
  while (true) {
    atMs += (-Math.log(1 - random()) / specification.ratePerSecond) * 1000;
    if (atMs >= specification.seconds * 1000) return arrivals;
    arrivals.push(atMs);
  }
}

class OpenLoop {
  readonly latenciesMs: number[] = [];
  readonly lagsMs: number[] = [];
  failures = 0;
  readonly #requests: readonly Buffer[];
  #sent = 0;
  readonly #free: Connection[];
  readonly #late: number[] = [];

  constructor(specification: OpenLoopSpecification, connections: readonly Connection[]) {
    this.#requests = specification.bodies.map((body) => formatRequest(specification.target, body));
    this.#free = [...connections];
  }

  offer(dueMs: number): void {
    const connection = this.#free.pop();
    if (connection === undefined) {
      this.#late.push(dueMs);
      return;
    }
    this.lagsMs.push(performance.now() - dueMs);
    this.#send(connection, dueMs);
  }

  #send(connection: Connection, dueMs: number): void {
    const request = this.#requests[this.#sent++ % this.#requests.length];
    if (request === undefined) return;
    connection.send(request, {
      onEnd: (status) => {
        if (status === 200) this.latenciesMs.push(performance.now() - dueMs);
        else this.failures += 1;
        const next = this.#late.shift();
        if (next === undefined) this.#free.push(connection);
        else this.#send(connection, next);
      },
    });
  }
}

/** Timers have a grain of 1 ms; asking the clock on every turn of the loop has one of microseconds. The client has its own core. */
function offerOnTime(loop: OpenLoop, arrivals: readonly number[], startMs: number): Promise<void> {
  return new Promise((resolve) => {
    let next = 0;
    const turn = (): void => {
      const nowMs = performance.now() - startMs;
      for (let dueMs = arrivals[next]; dueMs !== undefined && dueMs <= nowMs; dueMs = arrivals[++next])
        loop.offer(startMs + dueMs);
      if (loop.latenciesMs.length + loop.failures >= arrivals.length) resolve();
      else setImmediate(turn);
    };
    turn();
  });
}

async function measure(specification: OpenLoopSpecification): Promise<LoopReport> {
  const connections = Array.from({ length: specification.connections }, () => new Connection(specification.target));
  await Promise.all(connections.map((connection) => connection.open()));
  const loop = new OpenLoop(specification, connections);
  const ownShare = watchOwnShare();
  const startMs = performance.now();
  await offerOnTime(loop, drawArrivals(specification), startMs);
  const seconds = (performance.now() - startMs) / 1000;
  connections.forEach((connection) => connection.close());
  return {
    requests: loop.latenciesMs.length,
    failures: loop.failures,
    seconds,
    ...summarize(loop.latenciesMs),
    p99LagMs: summarize(loop.lagsMs).p99Ms,
    clientShare: ownShare(),
  };
}

await runClient(openLoopSpecification, measure);

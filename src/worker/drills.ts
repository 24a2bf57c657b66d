import type { Engine, Step } from './engines/index.ts';
import type { ReplicaLoop } from './replica-loop.ts';
import type { StepReport, Task, WorkItem } from './task.ts';

/** The engine with `stepMs` added to every step, so that a slow release can be rehearsed. */
export function slowEngine(engine: Engine, stepMs: number): Engine {
  const execute = engine.execute.bind(engine);
  const slow = (step: Step) => {
    pass(stepMs);
    return execute(step);
  };
  return Object.assign(engine, { execute: slow });
}

/** As {@link slowEngine}, for whole requests. */
export function slowTask<Item extends WorkItem>(task: Task<Item>, stepMs: number): Task<Item> {
  const execute = task.execute.bind(task);
  const slow = (items: readonly Item[], slots?: readonly number[]): StepReport => {
    pass(stepMs);
    const report = execute(items, slots);
    return { ...report, inferMs: report.inferMs + stepMs };
  };
  return Object.assign(task, { execute: slow });
}

/**
 * The loop of a replica that ends its process at every so many requests, as one does whose native code is broken. Counts from the
 * replica's start; probes are no requests.
 */
export function failingLoop(loop: ReplicaLoop, every: number, end: () => void = () => process.abort()): ReplicaLoop {
  const probes = new WeakSet<object>();
  const probeRequest = loop.probeRequest.bind(loop);
  const accept = loop.accept.bind(loop);
  let requests = 0;
  return Object.assign(loop, {
    probeRequest: () => {
      const request = probeRequest();
      probes.add(request);
      return request;
    },
    accept: (...given: Parameters<ReplicaLoop['accept']>) => {
      if (!probes.has(given[0].request) && ++requests % every === 0) end();
      return accept(...given);
    },
  });
}

/** Engines are synchronous, and so is their slowness. */
function pass(ms: number): void {
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, ms);
}

import { runClient, summarize, watchOwnShare } from './client-process.ts';
import { Connection, formatRequest } from './connection.ts';
import { closedLoopSpecification, type ClosedLoopSpecification, type LoopReport } from './specifications.ts';

async function measure(specification: ClosedLoopSpecification): Promise<LoopReport> {
  const request = formatRequest(specification.target, Buffer.from(specification.body, specification.encoding));
  const connections = Array.from({ length: specification.connections }, () => new Connection(specification.target));
  await Promise.all(connections.map((connection) => connection.open()));
  const latenciesMs: number[] = [];
  let failures = 0;
  const ownShare = watchOwnShare();
  const startMs = performance.now();
  const endMs = startMs + specification.seconds * 1000;

  const runOne = (connection: Connection): Promise<void> =>
    new Promise((resolve) => {
      const sendNext = (): void => {
        const sentMs = performance.now();
        if (sentMs >= endMs) return resolve();
        connection.send(request, {
          onEnd: (status) => {
            if (status === 200) latenciesMs.push(performance.now() - sentMs);
            else failures += 1;
            if (status === 0) setTimeout(sendNext, 10);
            else sendNext();
          },
        });
      };
      sendNext();
    });

  await Promise.all(connections.map(runOne));
  const seconds = (performance.now() - startMs) / 1000;
  connections.forEach((connection) => connection.close());
  return {
    requests: latenciesMs.length,
    failures,
    seconds,
    ...summarize(latenciesMs),
    p99LagMs: 0,
    clientShare: ownShare(),
  };
}

await runClient(closedLoopSpecification, measure);

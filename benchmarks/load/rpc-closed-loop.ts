import { runClient, summarize, watchOwnShare } from './client-process.ts';
import { RpcConnection } from './rpc-connection.ts';
import { rpcLoopSpecification, type LoopReport, type RpcLoopSpecification } from './specifications.ts';

async function measure({ target, message, seconds, ...loop }: RpcLoopSpecification): Promise<LoopReport> {
  const bytes = Buffer.from(message, 'base64');
  const connections = Array.from({ length: loop.connections }, () => new RpcConnection(target, bytes));
  await Promise.all(connections.map((connection) => connection.open()));
  const latenciesMs: number[] = [];
  let failures = 0;
  const ownShare = watchOwnShare();
  const startMs = performance.now();
  const endMs = startMs + seconds * 1000;

  const runOne = (connection: RpcConnection): Promise<void> =>
    new Promise((resolve) => {
      const callNext = (): void => {
        const sentMs = performance.now();
        if (sentMs >= endMs) return resolve();
        connection.call((received) => {
          if (received > 0) latenciesMs.push(performance.now() - sentMs);
          else failures += 1;
          callNext();
        });
      };
      callNext();
    });

  await Promise.all(connections.map(runOne));
  const took = (performance.now() - startMs) / 1000;
  connections.forEach((connection) => connection.close());
  return {
    requests: latenciesMs.length,
    failures,
    seconds: took,
    ...summarize(latenciesMs),
    p99LagMs: 0,
    clientShare: ownShare(),
  };
}

await runClient(rpcLoopSpecification, measure);

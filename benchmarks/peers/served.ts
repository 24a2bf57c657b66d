import { createServer } from 'node:net';
import type { LaunchedProcess } from '../harness/index.ts';
import type { Target } from '../load/index.ts';

/** A server under measurement: where it listens and how it is spoken to. */
export interface Served {
  readonly process: LaunchedProcess;
  readonly host: string;
  readonly port: number;
  /** Where it speaks Open Inference over gRPC, if it does. */
  readonly grpcPort?: number;
  readonly headers: Readonly<Record<string, string>>;
  /** What changes its models; where there are such keys. */
  readonly adminHeaders?: Readonly<Record<string, string>>;
  /** The name under which it knows the model. */
  readonly model: string;
  stop(): Promise<void>;
}

export const LOOPBACK = '127.0.0.1';

export function targetOf(served: Served, path: string): Target {
  return { host: served.host, port: served.port, path, headers: served.headers };
}

export async function findFreePort(): Promise<number> {
  const probe = createServer();
  await new Promise<void>((resolve) => probe.listen(0, LOOPBACK, resolve));
  const address = probe.address();
  await new Promise((resolve) => probe.close(resolve));
  if (address === null || typeof address === 'string') throw new Error('the system gave no free port');
  return address.port;
}

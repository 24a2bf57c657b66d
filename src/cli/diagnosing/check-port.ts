import { createServer } from 'node:net';
import type { Finding } from './finding.ts';

export interface PortUse {
  readonly setting: 'port' | 'grpcPort' | 'managementPort';
  readonly host: string;
  readonly port: number;
  /** The process id of a serve of this home that has the port. */
  readonly owner?: number;
}

const WORDS: Readonly<Record<PortUse['setting'], { readonly name: string; readonly flag: string }>> = {
  port: { name: 'inference port', flag: '--port' },
  grpcPort: { name: 'gRPC port', flag: '--grpc-port' },
  managementPort: { name: 'management port', flag: '--management-port' },
};

/** Whether a serve could listen there; a negative port is one that is not wanted. */
export async function checkPort({ setting, host, port, owner }: PortUse): Promise<Finding> {
  const { name, flag } = WORDS[setting];
  const where = `${host}:${port}`;
  if (port < 0) return { name, level: 'ok', detail: 'not wanted' };
  if (port === 0) return { name, level: 'ok', detail: `a free one of ${host}` };
  if (owner !== undefined) return { name, level: 'ok', detail: `${where}, in use by plinth serve (process ${owner})` };
  const failure = await tryListening(host, port);
  if (failure === undefined) return { name, level: 'ok', detail: `${where} is free` };
  return {
    name,
    level: 'fail',
    detail: `${where} cannot be had: ${failure}`,
    advice: `choose another with ${flag}; 0 takes a free one`,
  };
}

function tryListening(host: string, port: number): Promise<string | undefined> {
  const listener = createServer();
  return new Promise((resolve) => {
    listener.once('error', (error: NodeJS.ErrnoException) =>
      resolve(error.code === 'EADDRINUSE' ? 'another program uses it' : error.message),
    );
    listener.listen({ host, port }, () => listener.close(() => resolve(undefined)));
  });
}

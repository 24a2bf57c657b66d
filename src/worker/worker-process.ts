import { createInterface } from 'node:readline';
import { errorFactsOf } from '../core/errors/index.ts';
import type { FromReplica, ToReplica } from '../core/messages/index.ts';
import { dieWithParent } from './parent-watch.ts';
import { startWorker, type Worker } from './worker.ts';

/** Entry of a replica's process. Its standard input is its lifeline: when that ends, the parent is gone and so is the replica. */
let worker: Worker | undefined;

function send(message: FromReplica): void {
  process.stdout.write(`${JSON.stringify(message)}\n`);
}

async function receive(message: ToReplica): Promise<void> {
  switch (message.type) {
    case 'load':
      try {
        worker = await startWorker(message.spec, message.socketPath);
        send({ type: 'loaded', facts: worker.facts });
      } catch (error) {
        process.stderr.write(`${error instanceof Error ? error.stack : String(error)}\n`);
        send({ type: 'load-failed', error: errorFactsOf(error) });
        process.exitCode = 1;
        process.stdin.destroy();
      }
      return;
    case 'ping':
      if (worker !== undefined) send({ type: 'pong', sequence: message.sequence, progress: worker.progress() });
      return;
    case 'probe':
      if (worker === undefined) return;
      send({ type: 'probed', sequence: message.sequence, isAnswered: await worker.probe() });
  }
}

process.on('SIGINT', () => undefined);
process.stdout.on('error', () => process.exit(0));
dieWithParent();
createInterface({ input: process.stdin })
  .on('line', (line) => void receive(JSON.parse(line) as ToReplica))
  .on('close', () => process.exit());

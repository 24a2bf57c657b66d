import { setTimeout as delay } from 'node:timers/promises';
import type { ClientConfig } from 'pg';
import { CHANNEL } from './postgres-link.ts';
import { CalmClient } from './postgres-pool.ts';

const FIRST_RETRY_MS = 100;
const LONGEST_RETRY_MS = 2_000;

/** LISTEN on a connection of its own, made anew for as long as it is wanted. Returns the way to stop. */
export function listenPostgres(config: ClientConfig, onNotice: () => void): () => void {
  const state = { isStopped: false, client: undefined as CalmClient | undefined };
  void keepListening(config, state, onNotice);
  return () => {
    state.isStopped = true;
    state.client?.end().catch(() => {});
  };
}

interface Listening {
  isStopped: boolean;
  client: CalmClient | undefined;
}

async function keepListening(config: ClientConfig, state: Listening, onNotice: () => void): Promise<void> {
  let waitMs = FIRST_RETRY_MS;
  while (!state.isStopped) {
    const client = new CalmClient(config);
    state.client = client;
    const ended = new Promise<void>((done) => client.once('end', () => done()).once('error', () => done()));
    try {
      await client.connect();
      client.on('notification', onNotice);
      await client.query(`LISTEN ${CHANNEL}`);
      client.unref();
      waitMs = FIRST_RETRY_MS;
      // Notices that came while nobody listened are lost.
      onNotice();
      await ended;
    } catch {
      // The loop connects again; that the database is gone is told by whoever reads from it.
    }
    await client.end().catch(() => {});
    if (state.isStopped) return;
    await delay(waitMs, undefined, { ref: false });
    waitMs = Math.min(2 * waitMs, LONGEST_RETRY_MS);
  }
}

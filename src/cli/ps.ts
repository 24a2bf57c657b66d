import type { Command } from 'commander';
import { z } from 'zod';
import { PlinthError } from '../core/errors/index.ts';
import { addServeFlags, listServes } from './commanding/index.ts';
import { fetchLocal, type ServeAddress } from './local/index.ts';
import { formatBytes, formatDuration, formatTable, writeJson, type Column, type Shell } from './terminal/index.ts';

const ANSWER_LIMIT_MS = 5000;

const reportSchema = z.looseObject({
  model: z.string(),
  version: z.string().optional(),
  id: z.string(),
  pid: z.number().optional(),
  state: z.string(),
  sinceUnixMs: z.number(),
  restarts: z.number(),
  rssBytes: z.number(),
  slots: z.number(),
  runningSequences: z.number(),
  waitingRequests: z.number(),
  threads: z.number(),
  generatedTokens: z.number(),
});

type Row = z.infer<typeof reportSchema> & { readonly address: string };

/** `plinth ps` */
export function registerPs(program: Command, shell: Shell): void {
  const ps = program.command('ps').description('the replicas of the serves of this home').option('--json', 'as JSON');
  addServeFlags(ps).action(async (options: { json?: true }) => {
    const running = findServes(ps, shell);
    const rows = (await Promise.all(running.map(readReplicas))).flat();
    if (options.json) writeJson(shell, rows);
    else if (running.length === 0) shell.err.write('Nothing is served from this home; `plinth serve` starts it.\n');
    else shell.out.write(formatTable(rows, COLUMNS, shell.out));
  });
}

/** That nothing runs is an answer here, and no failure. */
function findServes(ps: Command, shell: Shell): readonly ServeAddress[] {
  try {
    return listServes(ps, shell);
  } catch (error) {
    const { serve } = ps.opts<{ serve?: string }>();
    if (error instanceof PlinthError && error.code === 'model_not_ready' && serve === undefined) return [];
    throw error;
  }
}

async function readReplicas(running: ServeAddress): Promise<Row[]> {
  const signal = AbortSignal.timeout(ANSWER_LIMIT_MS);
  const body = await fetchLocal({ running, port: 'management', path: '/plinth/v1/replicas', signal });
  const { replicas } = z.looseObject({ replicas: z.array(reportSchema) }).parse(body);
  return replicas.map((replica) => ({ ...replica, address: running.url }));
}

const COLUMNS: ReadonlyArray<Column<Row>> = [
  { title: 'MODEL', isElastic: true, value: (row) => row.model },
  { title: 'VERSION', align: 'right', isSpare: true, value: (row) => row.version },
  { title: 'REPLICA', value: (row) => row.id },
  { title: 'PID', align: 'right', isSpare: true, value: (row) => row.pid },
  { title: 'STATE', value: (row) => row.state },
  { title: 'FOR', align: 'right', value: (row) => formatDuration(Math.max(0, Date.now() - row.sinceUnixMs)) },
  { title: 'RESTARTS', align: 'right', isSpare: true, value: (row) => row.restarts },
  { title: 'MEMORY', align: 'right', isSpare: true, value: (row) => formatBytes(row.rssBytes) },
  { title: 'RUNNING', align: 'right', isSpare: true, value: (row) => `${row.runningSequences}/${row.slots}` },
  { title: 'WAITING', align: 'right', isSpare: true, value: (row) => row.waitingRequests },
  { title: 'THREADS', align: 'right', isSpare: true, value: (row) => row.threads },
  { title: 'TOKENS', align: 'right', isSpare: true, value: (row) => row.generatedTokens },
  { title: 'ADDRESS', isElastic: true, value: (row) => row.address },
];

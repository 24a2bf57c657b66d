import { spawn } from 'node:child_process';
import { text } from 'node:stream/consumers';
import path from 'node:path';
import type { z } from 'zod';
import { pinned } from './launched-process.ts';
import { REPOSITORY_FOLDER } from './places.ts';

export interface ClientOptions<Report extends z.ZodType> {
  /** File in benchmarks/load. */
  readonly client: string;
  readonly specification: unknown;
  readonly report: Report;
  /** Processor list; the same for every side of a comparison. */
  readonly cpus?: string;
}

/** Runs a load client in its own process and returns its report. The specification, keys included, goes through standard input. */
export async function runClient<Report extends z.ZodType>(options: ClientOptions<Report>): Promise<z.output<Report>> {
  const file = path.join(REPOSITORY_FOLDER, 'benchmarks/load', options.client);
  const [command = '', ...args] = pinned([process.execPath, file], options.cpus);
  const child = spawn(command, args, { stdio: ['pipe', 'pipe', 'inherit'] });
  const ended = new Promise<number | null>((resolve, reject) => child.once('exit', resolve).once('error', reject));
  child.stdin.end(JSON.stringify(options.specification));
  const answer = await text(child.stdout);
  const code = await ended;
  if (code !== 0) throw new Error(`load client ${options.client} ended with ${code}`);
  return options.report.parse(JSON.parse(answer));
}

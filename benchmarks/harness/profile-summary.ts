import { readFileSync } from 'node:fs';
import { z } from 'zod';

const cpuProfile = z.object({
  nodes: z.array(
    z.object({
      id: z.number(),
      callFrame: z.object({ functionName: z.string(), url: z.string(), lineNumber: z.number() }),
    }),
  ),
  samples: z.array(z.number()),
  timeDeltas: z.array(z.number()),
});

export interface ProfileLine {
  readonly where: string;
  /** Share of the time that the process was not idle. */
  readonly share: number;
  readonly seconds: number;
}

function shortenUrl(url: string): string {
  return url.replace(/^file:\/\//, '').replace(/^.*\/(src|node_modules)\//, '$1/');
}

/** Self time by function, largest first, of a V8 profile as `node --cpu-prof` writes it. */
export function summarizeProfile(file: string): ProfileLine[] {
  const profile = cpuProfile.parse(JSON.parse(readFileSync(file, 'utf8')));
  const names = new Map(
    profile.nodes.map(({ id, callFrame }) => [
      id,
      `${callFrame.functionName || '(anonymous)'} ${shortenUrl(callFrame.url)}${callFrame.url === '' ? '' : `:${callFrame.lineNumber + 1}`}`,
    ]),
  );
  const times = new Map<string, number>();
  profile.samples.forEach((id, index) => {
    const name = names.get(id) ?? '?';
    if (/^\((?:idle|program|root)\)/.test(name)) return;
    times.set(name, (times.get(name) ?? 0) + (profile.timeDeltas[index] ?? 0));
  });
  const total = [...times.values()].reduce((sum, time) => sum + time, 0);
  return [...times]
    .map(([where, time]) => ({ where, share: time / total, seconds: time / 1e6 }))
    .sort((a, b) => b.share - a.share);
}

import { readFileSync } from 'node:fs';
import { z } from 'zod';

const profileEntry = z.object({
  id: z.number(),
  callFrame: z.object({ functionName: z.string(), url: z.string(), lineNumber: z.number() }),
  children: z.array(z.number()).optional(),
});
const cpuProfile = z.object({ nodes: z.array(profileEntry), samples: z.array(z.number()), timeDeltas: z.array(z.number()) });

type ProfileEntry = z.infer<typeof profileEntry>;

export interface ProfileLine {
  readonly where: string;
  readonly seconds: number;
  /** Share of the time that the process was not idle. */
  readonly share: number;
}

export interface ProfileSummary {
  readonly busySeconds: number;
  /** Self time of each function. */
  readonly functions: readonly ProfileLine[];
  /** Self time of each function of our sources, with what it called in Node, V8 and packages. */
  readonly sources: readonly ProfileLine[];
}

function nameEntry({ callFrame: { functionName, url, lineNumber } }: ProfileEntry): string {
  const place = url.replace(/^file:\/\//, '').replace(/^.*\/(src|node_modules)\//, '$1/');
  return `${functionName || '(anonymous)'} ${place}${place === '' ? '' : `:${lineNumber + 1}`}`;
}

function sumByName(entries: Iterable<readonly [name: string, micros: number]>, totalMicros: number): ProfileLine[] {
  const sums = new Map<string, number>();
  for (const [name, micros] of entries) sums.set(name, (sums.get(name) ?? 0) + micros);
  return [...sums]
    .map(([where, micros]) => ({ where, seconds: micros / 1e6, share: micros / totalMicros }))
    .toSorted((a, b) => b.seconds - a.seconds);
}

/** Reads a V8 profile as `node --cpu-prof` writes it. */
export function summarizeProfile(file: string): ProfileSummary {
  const profile = cpuProfile.parse(JSON.parse(readFileSync(file, 'utf8')));
  const entries = new Map(profile.nodes.map((entry) => [entry.id, entry]));
  const parents = new Map(profile.nodes.flatMap((entry) => (entry.children ?? []).map((child) => [child, entry] as const)));
  const ownerOf = (entry: ProfileEntry): string => {
    let owner: ProfileEntry | undefined = entry;
    while (owner !== undefined && !owner.callFrame.url.includes('/src/')) owner = parents.get(owner.id);
    return owner === undefined ? `outside of our sources: ${nameEntry(entry)}` : nameEntry(owner);
  };
  const samples = profile.samples.flatMap((id, index) => {
    const entry = entries.get(id);
    const isIdle = entry === undefined || /^\((?:idle|program|root)\)$/.test(entry.callFrame.functionName);
    return isIdle ? [] : [{ entry, micros: profile.timeDeltas[index] ?? 0 }];
  });
  const totalMicros = samples.reduce((sum, { micros }) => sum + micros, 0);
  return {
    busySeconds: totalMicros / 1e6,
    functions: sumByName(
      samples.map(({ entry, micros }) => [nameEntry(entry), micros]),
      totalMicros,
    ),
    sources: sumByName(
      samples.map(({ entry, micros }) => [ownerOf(entry), micros]),
      totalMicros,
    ),
  };
}

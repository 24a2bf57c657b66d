import type { RunningServe } from '../local/index.ts';

/** What decides which serve is commanded. */
export interface ServeFacts {
  readonly home: string;
  readonly running: readonly RunningServe[];
  /** A port of the one that is meant: any of its ports will do. */
  readonly wanted?: number;
}

/** The serve that is meant, or why none can be told, in words that say what to do. */
export type ServeChoice = { readonly running: RunningServe } | { readonly problem: 'none' | 'several'; readonly words: string };

/** The only serve of a home, or the one with the port that was named. */
export function chooseServe({ home, running, wanted }: ServeFacts): ServeChoice {
  const found = wanted === undefined ? running : running.filter((serve) => portsOf(serve).includes(wanted));
  const [first, ...others] = found;
  if (first !== undefined && others.length === 0) return { running: first };
  const list = running.map(describeServe).join('\n');
  if (first !== undefined)
    return {
      problem: 'several',
      words: `${found.length} serves run from ${home}; name one by a port of it, with --serve ${portsOf(first)[0]}:\n${list}`,
    };
  if (running.length === 0)
    return {
      problem: 'none',
      words: `Nothing is served from ${home}. \`plinth serve\` starts it; for a serve elsewhere set PLINTH_MANAGEMENT_URL and PLINTH_ADMIN_KEY.`,
    };
  return { problem: 'none', words: `No serve of ${home} has the port ${wanted}; these run:\n${list}` };
}

function describeServe({ url, managementUrl, pid }: RunningServe): string {
  return `  --serve ${portOf(url)}  answers at ${url}, management at ${managementUrl}, process ${pid}`;
}

function portsOf({ url, managementUrl, grpcAddress }: RunningServe): readonly number[] {
  return [portOf(url), portOf(managementUrl), ...(grpcAddress === undefined ? [] : [Number(grpcAddress.split(':').at(-1))])];
}

/** A URL without a port has that of its protocol. */
function portOf(url: string): number {
  const { port, protocol } = new URL(url);
  return port === '' ? (protocol === 'https:' ? 443 : 80) : Number(port);
}

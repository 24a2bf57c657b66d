import type { Served } from './served.ts';

/** Name of a side → the way to start its server. */
export type Starters = Readonly<Record<string, () => Promise<Served>>>;

export interface StartedSides extends AsyncDisposable {
  readonly servers: ReadonlyMap<string, Served>;
}

/** Starts the named sides, all when none is named, one after the other. Disposing stops them. */
export async function startSides(starters: Starters, only: readonly string[]): Promise<StartedSides> {
  const unknown = only.filter((name) => !(name in starters));
  if (unknown.length > 0) throw new Error(`no side ${unknown.join(', ')}; there are ${Object.keys(starters).join(', ')}`);
  const servers = new Map<string, Served>();
  const stopAll = async (): Promise<void> => {
    await Promise.all([...servers.values()].map((served) => served.stop()));
  };
  try {
    for (const [name, start] of Object.entries(starters)) {
      if (only.length === 0 || only.includes(name)) servers.set(name, await start());
    }
  } catch (error) {
    await stopAll();
    throw error;
  }
  return { servers, [Symbol.asyncDispose]: stopAll };
}

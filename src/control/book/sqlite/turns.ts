const lastOf = new Map<string, Promise<unknown>>();

/**
 * One after the other, for each `key`. A transaction of SQLite takes several turns of the event loop's microtasks, and a second connection
 * of the same process that waits for its lock would block the thread on which alone the first can end.
 */
export function inTurn<T>(key: string, work: () => Promise<T>): Promise<T> {
  const mine = (lastOf.get(key) ?? Promise.resolve()).then(work);
  const ended = mine.then(
    () => {},
    () => {},
  );
  lastOf.set(key, ended);
  void ended.then(() => {
    if (lastOf.get(key) === ended) lastOf.delete(key);
  });
  return mine;
}

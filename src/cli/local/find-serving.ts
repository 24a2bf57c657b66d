import { fetchLocal, isRecord } from './local-http.ts';
import { listRunning, type RunningServe } from './run-file.ts';

const ANSWER_LIMIT_MS = 2000;

/** The names of the models that a running serve offers; none when it does not answer. */
async function listServed(running: RunningServe): Promise<readonly string[]> {
  try {
    const signal = AbortSignal.timeout(ANSWER_LIMIT_MS);
    const body = await fetchLocal({ running, port: 'inference', path: '/v1/models', signal });
    const data = isRecord(body) && Array.isArray(body['data']) ? (body['data'] as readonly unknown[]) : [];
    return data.flatMap((entry) => (isRecord(entry) && typeof entry['id'] === 'string' ? [entry['id']] : []));
  } catch {
    return [];
  }
}

/** A running serve of this home that offers the model, or any model when none is named. */
export async function findServing(
  home: string,
  model?: string,
): Promise<(RunningServe & { readonly model: string }) | undefined> {
  for (const running of listRunning(home)) {
    const served = await listServed(running);
    const found = model === undefined ? served[0] : served.find((name) => name === model);
    if (found !== undefined) return { ...running, model: found };
  }
  return undefined;
}

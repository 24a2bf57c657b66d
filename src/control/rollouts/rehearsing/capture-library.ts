import { PlinthError } from '../../../core/errors/index.ts';
import type { InferenceRequest } from '../../../core/inference/index.ts';
import type { CaptureRecord, EvidenceRecords } from '../../../core/records/index.ts';
import { redactedKinds, type RedactedKind } from './redact-text.ts';
import { readStoredRequest } from './stored-request.ts';

/** A kept request that can be asked again. */
export interface KeptRequest {
  readonly id: string;
  /** Unix milliseconds. */
  readonly at: number;
  readonly request: InferenceRequest;
}

/** Kept requests of a model: those that can be read, newest first, and how many cannot. */
export interface KeptRequests {
  readonly requests: readonly KeptRequest[];
  readonly unreadable: number;
}

/** What the management port tells of kept requests. */
export interface CaptureSummary {
  readonly model: string;
  readonly count: number;
  /** Unix milliseconds. */
  readonly oldestAt?: number;
  readonly newestAt?: number;
  readonly kinds: Readonly<Record<string, number>>;
  /** Placeholders in the kept texts, by kind. */
  readonly redacted: Readonly<Partial<Record<RedactedKind, number>>>;
}

/** Newest first. What was written in a form that is no longer read is passed over. */
export async function readKeptRequests(
  records: Pick<EvidenceRecords, 'listCaptures'>,
  { model, most }: { readonly model: string; readonly most: number },
): Promise<KeptRequests> {
  const captures = most < 1 ? [] : await records.listCaptures(model, most);
  const requests = captures.flatMap(readCapture);
  return { requests, unreadable: captures.length - requests.length };
}

/** The newest kept requests of a model, to warm a new version up with; fewer, or none, where fewer were kept. Ids are empty. */
export async function warmUpRequests(
  records: Pick<EvidenceRecords, 'listCaptures'>,
  model: string,
  count: number,
): Promise<readonly InferenceRequest[]> {
  return (await readKeptRequests(records, { model, most: count })).requests.map(({ request }) => request);
}

/** Counts, without any content. */
export function summariseCaptures(model: string, captures: readonly CaptureRecord[]): CaptureSummary {
  const kinds: Record<string, number> = {};
  const redacted: Partial<Record<RedactedKind, number>> = {};
  for (const { request } of captures) {
    const kind = String(request['kind']);
    kinds[kind] = (kinds[kind] ?? 0) + 1;
    const text = JSON.stringify(request);
    for (const name of redactedKinds) {
      const found = text.split(`[${name}]`).length - 1;
      if (found > 0) redacted[name] = (redacted[name] ?? 0) + found;
    }
  }
  const times = captures.map(({ at }) => at);
  const span = times.length === 0 ? {} : { oldestAt: Math.min(...times), newestAt: Math.max(...times) };
  return { model, count: captures.length, ...span, kinds, redacted };
}

function readCapture({ id, at, request }: CaptureRecord): KeptRequest[] {
  try {
    return [{ id, at, request: readStoredRequest(request) }];
  } catch (error) {
    if (error instanceof PlinthError) return [];
    throw error;
  }
}

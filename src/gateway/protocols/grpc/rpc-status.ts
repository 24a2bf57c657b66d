import { Metadata, type StatusObject } from '@grpc/grpc-js';
import type { ErrorFacts } from '../../../core/errors/index.ts';
import { statusOf } from '../open-inference-tensors/index.ts';

/** Headers have limits, and a message may quote what a caller sent. */
const LONGEST_DETAILS = 2000;

/** How a failure ends an RPC. `grpc-retry-pushback-ms` tells stock clients when to try again. `entries` are told beside it. */
export function rpcStatus(facts: ErrorFacts, requestId?: string, entries: Readonly<Record<string, string>> = {}): StatusObject {
  const metadata = metadataOf(entries);
  if (requestId !== undefined) metadata.set('x-request-id', requestId);
  if (facts.retryAfterMs !== undefined) metadata.set('grpc-retry-pushback-ms', String(Math.round(facts.retryAfterMs)));
  return { code: statusOf(facts.code).grpc, details: facts.message.slice(0, LONGEST_DETAILS).toWellFormed(), metadata };
}

/** Entries as metadata. */
export function metadataOf(entries: Readonly<Record<string, string>>): Metadata {
  const metadata = new Metadata();
  for (const [name, value] of Object.entries(entries)) metadata.set(name, value);
  return metadata;
}

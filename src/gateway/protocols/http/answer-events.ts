import type { OutgoingHttpHeaders, ServerResponse } from 'node:http';
import type { FastifyReply } from 'fastify';
import { errorFactsOf, PlinthError, type ErrorFacts } from '../../../core/errors/index.ts';
import type { InferenceEvent } from '../../../core/inference/index.ts';
import { EventStream } from './event-stream.ts';

type Events = AsyncIterator<InferenceEvent>;

/** What to stream, how, and to whom. Times in milliseconds. */
export interface StreamPlan {
  readonly events: AsyncIterable<InferenceEvent>;
  /** The text that an event puts on the wire; empty when none. */
  readonly format: (event: InferenceEvent) => string;
  readonly reply: FastifyReply;
  readonly heartbeatMs: number;
  readonly stalledReaderMs: number;
}

const STREAM_HEADERS = {
  'content-type': 'text/event-stream; charset=utf-8',
  'cache-control': 'no-cache',
  // Keeps reverse proxies from collecting the stream.
  'x-accel-buffering': 'no',
};

/**
 * Sends events as server-sent events and returns after the last one. A failure before the first byte is thrown, so that it becomes a
 * plain HTTP error; a later one is formatted like any event and ends the stream. A client that has gone, or stalls, cancels the work.
 */
export async function streamEvents(plan: StreamPlan): Promise<void> {
  const { reply, format } = plan;
  const events = plan.events[Symbol.asyncIterator]();
  const stream = new EventStream(reply.raw, {
    headers: () => streamHeaders(reply),
    heartbeatMs: plan.heartbeatMs,
    stalledReaderMs: plan.stalledReaderMs,
    onOpen: () => reply.hijack(),
    onGone: () => cancel(events),
  });
  const failure = await pump(events, stream, format);
  if (stream.isClosed) {
    if (!stream.isOpen) reply.hijack();
  } else if (failure !== undefined && !stream.isOpen) {
    stream.discard();
    throw new PlinthError(failure);
  } else {
    if (failure !== undefined) stream.write(format({ type: 'failed', error: failure }));
    stream.end();
  }
}

/** What the application has put on the reply, which a stream written past it would lose, and a stream's own headers. */
function streamHeaders(reply: FastifyReply): OutgoingHttpHeaders {
  const headers: OutgoingHttpHeaders = {};
  for (const [name, value] of Object.entries(reply.getHeaders())) headers[name] = value;
  return Object.assign(headers, STREAM_HEADERS);
}

/** Writes events until the terminal one; returns the failure when there is one. */
async function pump(events: Events, stream: EventStream, format: StreamPlan['format']): Promise<ErrorFacts | undefined> {
  try {
    for (;;) {
      const { value: event, done } = await events.next();
      if (stream.isClosed) return undefined;
      if (done === true) return UNFINISHED;
      if (event.type === 'failed') return event.error;
      stream.write(format(event));
      if (event.type === 'finished') return undefined;
      if (stream.room !== undefined) await stream.room;
    }
  } catch (thrown) {
    return errorFactsOf(thrown);
  } finally {
    cancel(events);
  }
}

/**
 * Gives every event to `take` and returns after `finished`. Throws the failure when there is one. Cancels the work and returns false when
 * the client has gone.
 */
export async function foldEvents(
  source: AsyncIterable<InferenceEvent>,
  response: ServerResponse,
  take: (event: InferenceEvent) => void,
): Promise<boolean> {
  const events = source[Symbol.asyncIterator]();
  const stop = (): void => cancel(events);
  response.once('close', stop);
  try {
    for (;;) {
      const { value: event, done } = await events.next();
      if (response.destroyed) return false;
      if (done === true) throw new PlinthError(UNFINISHED);
      if (event.type === 'failed') throw new PlinthError(event.error);
      if (event.type === 'finished') return true;
      take(event);
    }
  } finally {
    response.off('close', stop);
    cancel(events);
  }
}

const UNFINISHED: ErrorFacts = { code: 'internal_error', message: 'The answer ended before it was complete.' };

/** Ends an iteration without waiting for it; on one that has ended it does nothing. */
function cancel(events: Events): void {
  events.return?.().catch(() => undefined);
}

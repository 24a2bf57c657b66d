import type { FastifyInstance, FastifyRequest } from 'fastify';
import { z } from 'zod';
import type { ErrorCode } from '../../../core/errors/index.ts';

type ErrorType = 'Unhealthy' | 'Backend' | 'Overloaded' | 'Validation';

/** Where TEI's status or type is not what follows from ours: its ErrorType and the status of each. */
const BY_CODE: Partial<Record<ErrorCode, readonly [status: number, type: ErrorType]>> = {
  invalid_request: [422, 'Validation'],
  invalid_json: [422, 'Validation'],
  context_length_exceeded: [413, 'Validation'],
  unsupported_capability: [424, 'Backend'],
  engine_failed: [424, 'Backend'],
  internal_error: [424, 'Backend'],
  queue_full: [429, 'Overloaded'],
  queue_timeout: [429, 'Overloaded'],
  too_many_requests: [429, 'Overloaded'],
  model_not_ready: [503, 'Unhealthy'],
  model_unavailable: [503, 'Unhealthy'],
  replica_lost: [503, 'Unhealthy'],
  draining: [503, 'Unhealthy'],
};

const openAiErrorSchema = z.object({ error: z.object({ message: z.string(), code: z.string() }) });

/** Rewrites error answers of requests in TEI's words to `{"error", "error_type"}` and TEI's status. */
export function answerInTeiWords(scope: FastifyInstance, isTei: (request: FastifyRequest) => boolean): void {
  scope.addHook('onSend', (request, reply, payload, done) => {
    const error = reply.statusCode >= 400 && isTei(request) ? readError(payload) : undefined;
    if (error === undefined) {
      done(null, payload);
      return;
    }
    const [status, type] = BY_CODE[error.code as ErrorCode] ?? [reply.statusCode, 'Validation'];
    const body = JSON.stringify({ error: error.message, error_type: type });
    reply.code(status).header('content-length', Buffer.byteLength(body));
    done(null, body);
  });
}

function readError(payload: unknown): { readonly message: string; readonly code: string } | undefined {
  if (typeof payload !== 'string' && !Buffer.isBuffer(payload)) return undefined;
  try {
    return openAiErrorSchema.parse(JSON.parse(payload.toString())).error;
  } catch {
    return undefined;
  }
}

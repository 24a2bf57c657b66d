import type { ErrorCode } from '../../../core/errors/index.ts';

/** How a failure looks to a client of Open Inference. */
export interface OpenStatus {
  readonly http: number;
  /** Canonical gRPC code. */
  readonly grpc: number;
}

const INVALID = { http: 400, grpc: 3 };
const NOT_FOUND = { http: 404, grpc: 5 };
const UNAVAILABLE = { http: 503, grpc: 14 };
const INTERNAL = { http: 500, grpc: 13 };

/** Triton's own table where Triton knows the case. */
const STATUSES: Readonly<Record<ErrorCode, OpenStatus>> = {
  invalid_request: INVALID,
  invalid_json: INVALID,
  invalid_utf8: INVALID,
  context_length_exceeded: INVALID,
  unsupported_schema: INVALID,
  unsupported_capability: { http: 501, grpc: 12 },
  invalid_model_file: INVALID,
  invalid_template: INVALID,
  host_not_allowed: { http: 403, grpc: 7 },
  origin_not_allowed: { http: 403, grpc: 7 },
  permission_denied: { http: 403, grpc: 7 },
  invalid_api_key: { http: 401, grpc: 16 },
  model_not_found: NOT_FOUND,
  version_not_found: NOT_FOUND,
  not_found: NOT_FOUND,
  stale_revision: { http: 409, grpc: 10 },
  stale_lease: { http: 409, grpc: 10 },
  conflict: { http: 409, grpc: 9 },
  method_not_allowed: { http: 405, grpc: 12 },
  request_timeout: { http: 408, grpc: 4 },
  body_too_large: { http: 400, grpc: 8 },
  unsupported_media_type: { http: 501, grpc: 12 },
  headers_too_large: { http: 431, grpc: 8 },
  too_many_requests: { http: 429, grpc: 8 },
  cancelled: { http: 499, grpc: 1 },
  internal_error: INTERNAL,
  engine_failed: INTERNAL,
  replica_lost: UNAVAILABLE,
  queue_full: UNAVAILABLE,
  queue_timeout: UNAVAILABLE,
  model_not_ready: UNAVAILABLE,
  model_unavailable: UNAVAILABLE,
  draining: UNAVAILABLE,
  deadline_exceeded: { http: 504, grpc: 4 },
  insufficient_storage: { http: 507, grpc: 8 },
};

/** The status of a failure over HTTP and gRPC. Its text is the message of its facts, as it stands. */
export function statusOf(code: ErrorCode): OpenStatus {
  return STATUSES[code];
}

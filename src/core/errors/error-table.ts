/** One coded table: what each failure is called, how it looks over HTTP and whether trying again can help. */
export const errorTable = {
  invalid_request: { status: 400, type: 'invalid_request_error', isRetryable: false },
  invalid_json: { status: 400, type: 'invalid_request_error', isRetryable: false },
  invalid_utf8: { status: 400, type: 'invalid_request_error', isRetryable: false },
  context_length_exceeded: { status: 400, type: 'invalid_request_error', isRetryable: false },
  unsupported_schema: { status: 400, type: 'invalid_request_error', isRetryable: false },
  unsupported_capability: { status: 400, type: 'invalid_request_error', isRetryable: false },
  invalid_template: { status: 400, type: 'invalid_request_error', isRetryable: false },
  host_not_allowed: { status: 403, type: 'permission_error', isRetryable: false },
  origin_not_allowed: { status: 403, type: 'permission_error', isRetryable: false },
  permission_denied: { status: 403, type: 'permission_error', isRetryable: false },
  invalid_api_key: { status: 401, type: 'authentication_error', isRetryable: false },
  model_not_found: { status: 404, type: 'invalid_request_error', isRetryable: false },
  not_found: { status: 404, type: 'invalid_request_error', isRetryable: false },
  method_not_allowed: { status: 405, type: 'invalid_request_error', isRetryable: false },
  request_timeout: { status: 408, type: 'timeout_error', isRetryable: true },
  body_too_large: { status: 413, type: 'invalid_request_error', isRetryable: false },
  unsupported_media_type: { status: 415, type: 'invalid_request_error', isRetryable: false },
  headers_too_large: { status: 431, type: 'invalid_request_error', isRetryable: false },
  too_many_requests: { status: 429, type: 'rate_limit_error', isRetryable: true },
  cancelled: { status: 499, type: 'cancelled', isRetryable: false },
  internal_error: { status: 500, type: 'server_error', isRetryable: true },
  engine_failed: { status: 500, type: 'server_error', isRetryable: true },
  replica_lost: { status: 503, type: 'server_error', isRetryable: true },
  queue_full: { status: 503, type: 'overloaded_error', isRetryable: true },
  queue_timeout: { status: 503, type: 'overloaded_error', isRetryable: true },
  model_not_ready: { status: 503, type: 'overloaded_error', isRetryable: true },
  draining: { status: 503, type: 'overloaded_error', isRetryable: true },
  deadline_exceeded: { status: 504, type: 'timeout_error', isRetryable: true },
} as const satisfies Record<string, { status: number; type: string; isRetryable: boolean }>;

/** A key of {@link errorTable}: the stable machine-readable name of a failure. */
export type ErrorCode = keyof typeof errorTable;

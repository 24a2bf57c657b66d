import { errorFactsOf, type ErrorCode, type ErrorFacts } from '../../../core/errors/index.ts';

const BY_CODE: Readonly<Record<string, readonly [ErrorCode, string]>> = {
  FST_ERR_CTP_BODY_TOO_LARGE: ['body_too_large', 'The body is larger than this server accepts.'],
  FST_ERR_CTP_INVALID_MEDIA_TYPE: ['unsupported_media_type', 'The content type must be application/json.'],
  FST_ERR_CTP_INVALID_CONTENT_LENGTH: ['invalid_request', 'The body is not as long as its content-length says.'],
  FST_ERR_BAD_URL: ['invalid_request', 'The path is not a valid URL.'],
  FST_ERR_MAX_PARAM_LENGTH: ['invalid_request', 'A part of the path is too long.'],
  ECONNRESET: ['cancelled', 'The connection closed before the request was complete.'],
};

/** The facts of anything thrown while a request was taken in, the HTTP layer's own refusals included. */
export function httpErrorFacts(thrown: unknown): ErrorFacts {
  const known = thrown instanceof Error && 'code' in thrown ? BY_CODE[String(thrown.code)] : undefined;
  return known === undefined ? errorFactsOf(thrown) : { code: known[0], message: known[1] };
}

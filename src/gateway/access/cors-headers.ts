const ALLOWED_HEADERS = ['authorization', 'content-type', 'openai-beta', 'openai-organization', 'openai-project'];
const OWN_HEADERS = ['x-api-key', 'x-request-id', 'x-request-timeout-ms', 'x-conversation-id', 'x-plinth-consent'];
const STAINLESS = /^x-stainless-[a-z-]{1,40}$/;
const PREFLIGHT_SECONDS = '600';

/** What a configured origin may read of an answer. */
export function corsHeaders(origin: string): Record<string, string> {
  return {
    'access-control-allow-origin': origin,
    'access-control-expose-headers': 'x-request-id, x-plinth-version, x-plinth-arm, retry-after, retry-after-ms',
    vary: 'origin',
  };
}

/** The answer to a preflight: the headers that the stock clients send are allowed, `x-stainless-*` by name as they are asked for. */
export function preflightHeaders(origin: string, requestedHeaders: string | undefined): Record<string, string> {
  const asked = (requestedHeaders ?? '').split(',').map((name) => name.trim().toLowerCase());
  const allowed = [...ALLOWED_HEADERS, ...OWN_HEADERS, ...asked.filter((name) => STAINLESS.test(name))];
  return {
    ...corsHeaders(origin),
    'access-control-allow-methods': 'GET, POST, DELETE, OPTIONS',
    'access-control-allow-headers': allowed.join(', '),
    'access-control-max-age': PREFLIGHT_SECONDS,
  };
}

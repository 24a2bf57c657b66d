import type { IncomingHttpHeaders } from 'node:http';
import { PlinthError } from '../../core/errors/index.ts';
import type { KeyVerifier, Principal } from '../../core/messages/index.ts';

const BEARER = /^bearer +(\S+)$/i;
const LONGEST_KEY = 512;

/** Who asks, by `authorization: Bearer <key>` or `x-api-key: <key>`. Throws `invalid_api_key`. */
export function authenticate(headers: IncomingHttpHeaders, keys: KeyVerifier): Principal {
  const key = presentedKey(headers);
  if (key === undefined || key.length > LONGEST_KEY) throw new PlinthError(MISSING_KEY);
  const principal = keys.verify(key);
  if (principal === undefined) throw new PlinthError(UNKNOWN_KEY);
  return principal;
}

const MISSING_KEY = {
  code: 'invalid_api_key',
  message: 'You did not provide an API key. Send it as `Authorization: Bearer <key>`.',
} as const;

const UNKNOWN_KEY = { code: 'invalid_api_key', message: 'The API key is unknown or was revoked.' } as const;

function presentedKey(headers: IncomingHttpHeaders): string | undefined {
  if (headers.authorization !== undefined && headers.authorization !== '') return BEARER.exec(headers.authorization)?.[1];
  const key = headers['x-api-key'];
  return typeof key === 'string' && key !== '' ? key : undefined;
}

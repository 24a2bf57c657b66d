import { createHash, timingSafeEqual } from 'node:crypto';
import { PlinthError } from '../../core/errors/index.ts';
import type { KeyVerifier } from '../../core/messages/index.ts';

/** Who acts with the token of this boot. */
const LOCAL_ACTOR = 'local';

export interface AdminCheck {
  readonly keyring: KeyVerifier;
  readonly localToken: string;
}

/** Lets admin keys and the token of this boot pass, and tells whose they are. Throws `invalid_api_key` or `permission_denied`. */
export function authorizeAdmin(header: string | undefined, { keyring, localToken }: AdminCheck): string {
  const presented = /^Bearer +(\S+)$/i.exec(header ?? '')?.[1];
  if (presented === undefined)
    throw new PlinthError({ code: 'invalid_api_key', message: "An admin key is needed: 'Authorization: Bearer <key>'." });
  if (isSame(presented, localToken)) return LOCAL_ACTOR;
  const principal = keyring.verify(presented);
  if (principal === undefined)
    throw new PlinthError({ code: 'invalid_api_key', message: 'The key is not known, or was revoked.' });
  if (principal.role !== 'admin')
    throw new PlinthError({
      code: 'permission_denied',
      message: 'The key may ask for inference only; this port needs an admin key.',
    });
  return principal.keyId;
}

// Digests have one length, so that the comparison tells nothing of how far a guess was right.
function isSame(a: string, b: string): boolean {
  return timingSafeEqual(createHash('sha256').update(a).digest(), createHash('sha256').update(b).digest());
}

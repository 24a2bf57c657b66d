import { createHash, timingSafeEqual } from 'node:crypto';
import type { KeyVerifier, Principal } from '../../core/messages/index.ts';

const LOCAL: Principal = { keyId: 'local', role: 'admin' };

/** A verifier that also takes the token of this boot, for commands of the same user on the same machine. */
export function acceptLocalToken(keys: KeyVerifier, token: string): KeyVerifier {
  const expected = digest(token);
  return {
    verify: (presentedKey) => keys.verify(presentedKey) ?? (timingSafeEqual(digest(presentedKey), expected) ? LOCAL : undefined),
  };
}

function digest(text: string): Buffer {
  return createHash('sha256').update(text).digest();
}

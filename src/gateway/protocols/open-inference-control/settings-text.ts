import { PlinthError, type ErrorCode } from '../../../core/errors/index.ts';
import type { Call } from '../inference-door.ts';

export function refuseSetting(message: string, code: ErrorCode = 'invalid_request'): PlinthError {
  return new PlinthError({ code, message });
}

/** Changing what other callers meet takes an admin key. Throws `permission_denied`. */
export function requireAdmin(call: Call): void {
  if (call.principal.role === 'admin') return;
  throw new PlinthError({ code: 'permission_denied', message: 'This API needs an admin key.' });
}

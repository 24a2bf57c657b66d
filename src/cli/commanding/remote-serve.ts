import { usageError, type Shell } from '../terminal/index.ts';
import type { ServeAddress } from '../local/index.ts';

/**
 * The serve behind a management URL that was given by flag or variable. Its key comes from PLINTH_ADMIN_KEY only, so that it stands in no
 * list of processes. Throws a usage error for a URL that is none, for one that holds a password, and without a key.
 */
export function readRemoteServe(
  given: { readonly url: string; readonly from: string },
  { env }: Pick<Shell, 'env'>,
): ServeAddress {
  const { url, from } = given;
  const parsed = URL.canParse(url) ? new URL(url) : undefined;
  if (parsed === undefined || !/^https?:$/.test(parsed.protocol))
    throw usageError(`${from}: expected the URL of a management port, such as https://gpu-1.example:8081`);
  if (parsed.username !== '' || parsed.password !== '')
    throw usageError(`${from}: the URL holds a user or a password; the key belongs into PLINTH_ADMIN_KEY`);
  const token = env['PLINTH_ADMIN_KEY'] ?? '';
  if (token === '')
    throw usageError(
      `${from} names a management port, which needs an admin key: set PLINTH_ADMIN_KEY to it (\`plinth keys create --admin\` there makes one)`,
    );
  if (/[^\x21-\x7e]/.test(token)) throw usageError('PLINTH_ADMIN_KEY: a key has no spaces and no characters beyond ASCII');
  return { url: parsed.origin, managementUrl: parsed.origin, token, isRemote: true };
}

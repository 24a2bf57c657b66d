import { PlinthError } from '../../../core/errors/index.ts';
import type { JsonObject } from '../../../core/inference/index.ts';
import type { ReleaseView } from '../line-contents.ts';

/** Those who may do on this machine what they like without Plinth: its user, and whoever writes its configuration. */
const OWNERS = ['local', 'configuration'];

/** Settings of a version, and who gives them. */
export interface ReachOrder {
  readonly actor: string;
  readonly settings: JsonObject;
  /** `chat:4`. */
  readonly subject: string;
}

/**
 * Keeps an admin key from what it is not for: running code of this machine's files as an engine, and sending secrets of this process's
 * environment somewhere. A variable that a version of the owners' has named may be named again, with the same address. Throws
 * `permission_denied`.
 */
export function checkReach(view: Pick<ReleaseView, 'versions' | 'removed'>, { actor, settings, subject }: ReachOrder): void {
  if (OWNERS.includes(actor)) return;
  if (settings['library'] !== undefined)
    throw refuse(
      `${subject}: library names code that would run on this machine. A key may not name it: add the version with the command line on the machine itself, or in its configuration.`,
      'settings.library',
    );
  const secret = secretOf(settings);
  if (secret === undefined) return;
  const isNamed = [...view.versions, ...view.removed]
    .filter(({ addedBy }) => OWNERS.includes(addedBy))
    .some((record) => secretOf(record.settings) === secret);
  if (!isNamed)
    throw refuse(
      `${subject}: upstream.keyVariable names a secret of this machine that would be sent to that address. A key may name it once a version that was added on the machine itself, or by its configuration, has named it with the same address.`,
      'settings.upstream.keyVariable',
    );
}

/** Which variable is sent to whom; undefined where none is. */
function secretOf({ upstream }: JsonObject): string | undefined {
  if (typeof upstream !== 'object' || upstream === null || !('keyVariable' in upstream)) return undefined;
  const url = String(upstream['url']);
  return JSON.stringify([upstream['keyVariable'], URL.canParse(url) ? new URL(url).origin : url]);
}

function refuse(message: string, param: string): PlinthError {
  return new PlinthError({ code: 'permission_denied', message, param });
}

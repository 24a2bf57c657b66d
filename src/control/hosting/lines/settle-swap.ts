import type { ErrorFacts } from '../../../core/errors/index.ts';
import type { Logger } from '../../../core/telemetry/index.ts';
import type { ControlObserver } from '../control-events.ts';
import type { FollowedVersion } from './followed-version.ts';

interface SwapReporter {
  readonly logger: Logger;
  readonly observer: ControlObserver;
}

/** Ends a swap once it is known how it went: reports for how long requests waited, and brings the old versions back when the new one does not load. */
export function settleSwap(one: FollowedVersion, reporter: SwapReporter): void {
  const { swap, model, version, isServing } = one;
  if (swap === undefined) return;
  const cause = one.hosted.current?.obstacle;
  if (!isServing && one.isWanted && cause === undefined) return;
  if (!isServing) undo(one, cause);
  one.swap = undefined;
  const left = swap.left.map((other) => other.version);
  const heldMs = Math.round(performance.now() - swap.startedAt);
  const outcome = isServing ? 'done' : 'undone';
  reporter.observer({ type: 'version-swapped', model, version, left, heldMs, outcome });
  const text = isServing ? 'versions were swapped while requests waited' : 'a swap of versions was undone';
  reporter.logger[isServing ? 'info' : 'error']({ model, version, left, heldMs }, text);
}

function undo(one: FollowedVersion, cause: ErrorFacts | undefined): void {
  const { swap, model, version } = one;
  for (const other of swap?.left ?? []) {
    other.displacedBy = undefined;
    other.isRestored = true;
  }
  const back = swap?.left.map((other) => `${model}:${other.version}`).join(', ');
  if (cause !== undefined)
    one.givenUp = { ...cause, message: `${cause.message} ${back} is back in the place of ${model}:${version}.` };
  void one.hosted.retire();
}

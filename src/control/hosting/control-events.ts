import type { ErrorFacts } from '../../core/errors/index.ts';
import type { ModelFacts } from '../../core/models/index.ts';
import type { ReplacementReason } from '../placement/index.ts';
import type { PullProgress } from '../registry/index.ts';
import type { WarmUpReport } from './warming/index.ts';

/** What an onlooker (the command line, a log) is told while models are obtained, loaded and kept alive. */
export type ControlEvent =
  /** Comes several times a second while a file is fetched or checked. */
  | { readonly type: 'pull-progressed'; readonly model: string; readonly progress: PullProgress }
  /** One source could not give the file; the next one is tried. */
  | { readonly type: 'source-failed'; readonly model: string; readonly source: string; readonly reason: string }
  /** The checked file is there; absent events before it mean that nothing had to be fetched. */
  | { readonly type: 'model-obtained'; readonly model: string; readonly source: string; readonly fileBytes: number }
  | { readonly type: 'replica-loading'; readonly model: string; readonly replica: string }
  /** It has loaded and has given a real answer; `loadMs` counts from the start of its process. */
  | {
      readonly type: 'replica-ready';
      readonly model: string;
      readonly replica: string;
      readonly facts: ModelFacts;
      readonly loadMs: number;
    }
  /** A replica is gone; without `retryInMs` no other takes its place. */
  | {
      readonly type: 'replica-lost';
      readonly model: string;
      readonly replica: string;
      readonly reason: ReplacementReason;
      readonly detail: string;
      readonly retryInMs?: number;
    }
  /** The model could not be obtained or loaded. Without `retryInMs` nothing more is tried. */
  | { readonly type: 'model-failed'; readonly model: string; readonly error: ErrorFacts; readonly retryInMs?: number }
  /** As `model-failed`, of a version whose model has others that answer or may come to. */
  | {
      readonly type: 'version-failed';
      readonly model: string;
      readonly version: string;
      readonly error: ErrorFacts;
      readonly retryInMs?: number;
    }
  /** Requests have been run on a new version that nobody is sent to yet. */
  | ({ readonly type: 'version-warmed'; readonly model: string; readonly version: string } & WarmUpReport)
  /** Memory was too short for both: `left` were unloaded first. Requests waited for `heldMs`; `undone`: the new version does not load and the old are back. */
  | {
      readonly type: 'version-swapped';
      readonly model: string;
      readonly version: string;
      readonly left: readonly string[];
      readonly heldMs: number;
      readonly outcome: 'done' | 'undone';
    };

export type ControlObserver = (event: ControlEvent) => void;

import type { LineRecord, ReleaseChange, VersionRecord } from '../../../core/records/index.ts';
import { compareVersions, versionsOf, type ReleaseView } from '../line-contents.ts';
import { chooseAddedVersion } from './choose-added-version.ts';
import { isSame } from './is-same.ts';
import { listMovers } from './check-line.ts';
import { readVersionContents } from './read-settings.ts';

/** Who adds what the configuration says. */
const CONFIGURATION = 'configuration';

/** A model as the configuration has it. */
export interface ConfiguredModel {
  readonly model: string;
  readonly reference?: string;
  /** Fields of a configured model without `name` and `source`. */
  readonly settings: unknown;
}

/** What the configuration of a model comes to in the book. */
export interface Adoption {
  readonly model: string;
  readonly version: string;
  /** `held`: recorded, but something else decides who answers. `refused`: nothing more can be recorded of the model; what the book says stays. */
  readonly outcome: 'unchanged' | 'added' | 'held' | 'refused';
  /** In words, for the log. */
  readonly words: string;
  readonly change?: ReleaseChange;
}

/**
 * What is to be recorded of a configured model at start. Versions never change, so the rule is:
 *
 * - A model without versions gets one from the configuration, and it answers.
 * - The configuration says what the newest version that it added says: nothing happens, also when that one was removed by hand while
 *   others are there.
 * - It says something else: that becomes the next version, added by the configuration. It answers as soon as it is ready when the
 *   version that answers now came from the configuration as well and nothing but the policy, or a single weight, chose it; the one
 *   before answers until then. Where somebody else's version answers, requests are spread, or a rollout or an experiment runs, it is held:
 *   recorded, without requests, to be released like any other.
 */
export function chooseAdoption(
  view: ReleaseView,
  configured: ConfiguredModel,
  order: { readonly at: number; readonly serving?: string },
): Adoption {
  const { model } = configured;
  const present = versionsOf(view, model);
  const newest = [...view.versions, ...view.removed]
    .filter((record) => record.model === model && record.addedBy === CONFIGURATION)
    .toSorted((a, b) => compareVersions(b.version, a.version))[0];
  if (newest !== undefined && present.length > 0 && saysTheSame(newest, configured))
    return {
      model,
      version: newest.version,
      outcome: 'unchanged',
      words: `version ${newest.version} is what the configuration says`,
    };
  const traffic = mayServe(view, model) ? 'serve' : 'hold';
  const added = chooseAddedVersion(view, { ...configured, ...order, traffic, actor: CONFIGURATION });
  const { version } = added.version;
  const { change } = added;
  if (present.length === 0)
    return { model, version, outcome: 'added', words: `version ${version} is recorded from the configuration`, change };
  return added.isHeld
    ? {
        model,
        version,
        outcome: 'held',
        words: `the configuration has changed: it is version ${version}, held because others decide who answers`,
        change,
      }
    : {
        model,
        version,
        outcome: 'added',
        words: `the configuration has changed: it is version ${version}, and answers when it is ready`,
        change,
      };
}

function saysTheSame(record: VersionRecord, configured: ConfiguredModel): boolean {
  const { reference, settings } = readVersionContents(configured, configured.model);
  return record.reference === reference && isSame(record.settings, settings);
}

/** Whether the configuration alone has decided so far who answers. */
function mayServe(view: ReleaseView, model: string): boolean {
  const line: Pick<LineRecord, 'policy' | 'traffic'> | undefined = view.lines.find((candidate) => candidate.model === model);
  const present = versionsOf(view, model);
  if (line === undefined || present.length === 0) return true;
  if (listMovers(view, model).length > 0 || 'specific' in line.policy) return false;
  const weighted = Object.entries(line.traffic.weights).filter(([, weight]) => weight > 0);
  if (weighted.length > 1) return false;
  const answering = weighted[0]?.[0] ?? present[0]?.version;
  return present.some((record) => record.version === answering && record.addedBy === CONFIGURATION);
}

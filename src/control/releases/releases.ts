import { homedir } from 'node:os';
import { setTimeout as sleep } from 'node:timers/promises';
import { PlinthError } from '../../core/errors/index.ts';
import type {
  AuditRecord,
  ExperimentRecord,
  LineRecord,
  ReleaseChange,
  ReleaseRecords,
  VersionRecord,
} from '../../core/records/index.ts';
import {
  chooseAddedVersion,
  chooseAdoption,
  chooseMovedAliases,
  chooseRemovedVersion,
  chooseSetPolicy,
  chooseSetTraffic,
  placeSource,
  readReused,
  reuseSubject,
  type AddOrder,
  type Adoption,
  type AliasOrder,
  type ChangedLine,
  type ConfiguredModel,
  type LineOrder,
  type PolicyOrder,
  type RemoveOrder,
  type TrafficOrder,
} from './changing/index.ts';
import type { ReleaseView } from './line-contents.ts';

/** What commands need of a book. */
export type ReleaseBook = Pick<ReleaseRecords, 'readReleases' | 'listVersions' | 'change' | 'readAudit'>;

/** What the commands stand on. */
export interface ReleasesOptions {
  readonly book: ReleaseBook;
  /** Names of models that can be served, beside those of the book: targets of rules and fallback chains. */
  readonly knownModels: () => readonly string[];
  /** The version that answers a model's requests now, when any does. */
  readonly servingVersion: (model: string) => string | undefined;
  /** The versions that an experiment compares. */
  readonly versionsOfExperiment: (experiment: ExperimentRecord) => readonly string[];
  /** Whether the model's own folder numbers its versions and has some that are loaded. */
  readonly isOfFolder?: (model: string) => boolean;
  /** Awaited after every change, before its command resolves: the board's `refresh`. */
  readonly onChanged?: () => Promise<void>;
  /** Unix milliseconds. */
  readonly now?: () => number;
}

/** A version that was added. */
export interface AddedRecord {
  readonly version: VersionRecord;
  readonly line: LineRecord;
  /** It gets no requests before something says so. */
  readonly isHeld: boolean;
}

const MOST_ATTEMPTS = 8;
const RETRY_MS = 10;
const AUDIT_PAGE = 1_000;

/**
 * The commands on versions, aliases and traffic. Each is one audited change of the book: all of it happens or nothing. A change that
 * meets another is thought through again on top of it, a few times; one that says which revision it was made for is refused instead.
 * All throw `invalid_request`, `model_not_found`, `version_not_found`, `conflict`, `stale_revision`, and `model_unavailable` while the
 * book cannot be written.
 */
export class Releases {
  readonly #options: ReleasesOptions;
  #last: Promise<unknown> = Promise.resolve();

  constructor(options: ReleasesOptions) {
    this.#options = options;
  }

  addVersion(order: Omit<AddOrder, 'at' | 'serving'>): Promise<AddedRecord> {
    return this.#commit(order, (view) => {
      this.#refuseFolder(order.model);
      const serving = this.#options.servingVersion(order.model);
      return chooseAddedVersion(view, { ...order, at: this.#now(), ...(serving !== undefined && { serving }) });
    });
  }

  changeAliases(order: AliasOrder): Promise<LineRecord> {
    return this.#changeLine(order, (view) => chooseMovedAliases(view, order));
  }

  setTraffic(order: Omit<TrafficOrder, 'known'>): Promise<LineRecord> {
    return this.#changeLine(order, (view) => chooseSetTraffic(view, { ...order, known: this.#options.knownModels() }));
  }

  setPolicy(order: PolicyOrder): Promise<LineRecord> {
    return this.#changeLine(order, (view) => chooseSetPolicy(view, order));
  }

  removeVersion(order: Omit<RemoveOrder, 'at' | 'versionsOfExperiment'>): Promise<LineRecord> {
    const { versionsOfExperiment } = this.#options;
    return this.#changeLine(order, (view) => chooseRemovedVersion(view, { ...order, at: this.#now(), versionsOfExperiment }));
  }

  /** Records what the configuration says of models, in order; see {@link chooseAdoption} for the rule. Relative paths are seen from the working directory. To be called at every start. */
  async adoptConfigured(models: readonly ConfiguredModel[]): Promise<readonly Adoption[]> {
    const adoptions: Adoption[] = [];
    const place = { folder: process.cwd(), userHome: homedir() };
    for (const { reference, ...model } of models) {
      const configured = { ...model, ...(reference !== undefined && { reference: placeSource(reference, place) }) };
      const order = { model: configured.model, actor: 'configuration' };
      const adoption = this.#commit(order, async (view) => {
        const serving = this.#options.servingVersion(configured.model);
        const reused = await this.#readReused(configured.model, view);
        return chooseAdoption(view, configured, { at: this.#now(), reused, ...(serving !== undefined && { serving }) });
      });
      adoptions.push(await adoption.catch((error: unknown) => refusedAdoption(configured.model, error)));
    }
    return adoptions;
  }

  /** All versions that a model ever had, removed ones included, oldest first. */
  listVersions(model: string): Promise<readonly VersionRecord[]> {
    return this.#options.book.listVersions(model);
  }

  /** The book's contents with the removed versions of these models. */
  async view(models: readonly string[]): Promise<ReleaseView> {
    const contents = await this.#options.book.readReleases();
    const histories = await Promise.all(models.map((model) => this.#options.book.listVersions(model)));
    return { ...contents, removed: histories.flat().filter((record) => record.removedAt !== undefined) };
  }

  async #readReused(model: string, { versions, removed }: ReleaseView) {
    if ([...versions, ...removed].filter((record) => record.model === model).length < 2) return undefined;
    const entries: AuditRecord[] = [];
    for (let page: readonly AuditRecord[] | undefined; page === undefined || page.length === AUDIT_PAGE; entries.push(...page))
      page = await this.#options.book.readAudit({
        after: entries.at(-1)?.sequence ?? 0,
        most: AUDIT_PAGE,
        subject: reuseSubject(model),
      });
    return readReused(entries);
  }

  async #changeLine(order: LineOrder, choose: (view: ReleaseView) => ChangedLine): Promise<LineRecord> {
    return (await this.#commit(order, choose)).line;
  }

  /** Commands of this process take turns, so that only those of others can come in between. */
  #commit<T extends { readonly change?: ReleaseChange }>(
    order: LineOrder,
    choose: (view: ReleaseView) => T | Promise<T>,
  ): Promise<T> {
    const committed = this.#last.then(() => this.#commitNow(order, choose));
    this.#last = committed.catch(() => undefined);
    return committed;
  }

  async #commitNow<T extends { readonly change?: ReleaseChange }>(
    order: LineOrder,
    choose: (view: ReleaseView) => T | Promise<T>,
  ): Promise<T> {
    for (let attempt = 1; ; attempt++) {
      const chosen = await choose(await this.view([order.model]));
      if (chosen.change === undefined) return chosen;
      if (await this.#write(chosen.change, attempt < MOST_ATTEMPTS)) {
        await this.#options.onChanged?.();
        return chosen;
      }
      await sleep(RETRY_MS * attempt * Math.random());
    }
  }

  /** Whether it is written; false where another change came in between and may be taken into account. */
  async #write(change: ReleaseChange, mayRetry: boolean): Promise<boolean> {
    try {
      await this.#options.book.change(change);
      return true;
    } catch (error) {
      if (mayRetry && error instanceof PlinthError && isOvertaken(error, change)) return false;
      throw error;
    }
  }

  #refuseFolder(model: string): void {
    if (this.#options.isOfFolder?.(model) !== true) return;
    const message = `The versions of '${model}' are those of its folder: add one there, or take another name.`;
    throw new PlinthError({ code: 'conflict', message, param: 'model' });
  }

  #now(): number {
    return (this.#options.now ?? Date.now)();
  }
}

/** A book that is full of versions of one model is no reason to serve nothing at all. */
function refusedAdoption(model: string, error: unknown): Adoption {
  if (error instanceof PlinthError && error.code === 'conflict')
    return { model, version: '', outcome: 'refused', words: `what the configuration says is not served: ${error.message}` };
  throw error;
}

/** Another change of the line came first, or another version took the number. */
function isOvertaken({ code }: PlinthError, { addVersion }: ReleaseChange): boolean {
  return code === 'stale_revision' || (code === 'conflict' && addVersion !== undefined);
}

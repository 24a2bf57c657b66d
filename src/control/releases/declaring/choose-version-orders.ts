import { PlinthError } from '../../../core/errors/index.ts';
import type { JsonValue } from '../../../core/inference/index.ts';
import type { VersionRecord } from '../../../core/records/index.ts';
import { isSame, readVersionContents } from '../changing/index.ts';
import { describeReference } from '../describe-reference.ts';
import { compareVersions, versionsOf, type ReleaseView } from '../line-contents.ts';
import type { ModelEntry, VersionEntry } from './release-file.ts';

/** A version of the file that the book has not. */
interface NewVersion {
  readonly model: string;
  readonly version: string;
  readonly reference?: string;
  readonly settings: object;
  readonly parent?: string;
  readonly madeBy?: string;
  readonly traffic: 'hold' | 'serve';
}

/**
 * What is to be added of a model's versions, lowest number first and the target of a rollout last. Throws `conflict` that names every
 * difference for a version that is there with other contents.
 */
export function chooseVersionOrders(view: ReleaseView, model: string, entry: ModelEntry): readonly NewVersion[] {
  const present = new Map(versionsOf(view, model).map((record) => [record.version, record]));
  const isNewLine = present.size === 0;
  const { versions = {}, traffic, rollout, experiment } = entry;
  const isDivided = traffic?.weights !== undefined || rollout !== undefined || experiment !== undefined;
  const ordered = Object.entries(versions).toSorted(([a], [b]) => {
    if (a === rollout?.to || b === rollout?.to) return a === b ? 0 : a === rollout.to ? 1 : -1;
    return compareVersions(a, b);
  });
  return ordered.flatMap(([version, wanted]): readonly NewVersion[] => {
    const record = present.get(version);
    if (record !== undefined) {
      refuseDifference(record, wanted);
      return [];
    }
    return [{ model, version, ...contentsOf(wanted), traffic: isNewLine && !isDivided ? 'serve' : 'hold' }];
  });
}

function contentsOf({ source, parent, madeBy, ...settings }: VersionEntry) {
  return {
    settings,
    ...(source !== undefined && { reference: source }),
    ...(parent !== undefined && { parent }),
    ...(madeBy !== undefined && { madeBy }),
  };
}

function refuseDifference(record: VersionRecord, wanted: VersionEntry): void {
  const { model, version } = record;
  const subject = `models.${model}.versions.${version}`;
  const given = contentsOf(wanted);
  const { reference, settings } = readVersionContents(given, subject);
  const fields = [...new Set([...Object.keys(record.settings), ...Object.keys(settings)])].toSorted();
  const differences = [
    differenceOf('source', record.reference, reference),
    ...fields.map((field) => differenceOf(field, record.settings[field], settings[field])),
    ...(given.parent === undefined ? [] : [differenceOf('parent', record.parent, given.parent)]),
    ...(given.madeBy === undefined ? [] : [differenceOf('madeBy', record.madeBy, given.madeBy)]),
  ].filter((words) => words !== undefined);
  if (differences.length === 0) return;
  throw new PlinthError({
    code: 'conflict',
    message: `${subject}: version ${version} of '${model}' is there with other contents, and versions never change: ${differences.join('; ')}. Give the new contents a new number.`,
    param: subject,
  });
}

function differenceOf(field: string, has: JsonValue | undefined, says: JsonValue | undefined): string | undefined {
  return isSame(has, says) ? undefined : `${field} is ${show(has)}, the file says ${show(says)}`;
}

function show(value: JsonValue | undefined): string {
  if (value === undefined) return 'nothing';
  return typeof value === 'string' ? describeReference(value) : JSON.stringify(value).replaceAll(/\/\/[^/@"]*@/g, '//');
}

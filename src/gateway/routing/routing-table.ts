import { isServing, type RoutedModel, type RoutingSnapshot } from '../../core/messages/index.ts';
import type { RouteChoice } from '../../core/traffic/index.ts';
import { compileTraffic, type CompiledTraffic } from './compile-traffic.ts';

/** One version of a line, with the choices of it that are the same for every request. */
export interface LineVersion {
  readonly model: RoutedModel;
  readonly isServing: boolean;
  readonly asked: RouteChoice;
  readonly highest: RouteChoice;
}

/** A model name with its versions. */
export interface Line {
  readonly name: string;
  /** Highest first. */
  readonly versions: readonly LineVersion[];
  readonly byVersion: ReadonlyMap<string, LineVersion>;
  readonly traffic: CompiledTraffic | undefined;
  /** The highest that serves, else the highest; undefined when nothing is loaded that may get requests of itself. */
  readonly highest: LineVersion | undefined;
}

/** Every line by its name. */
export type RoutingTable = ReadonlyMap<string, Line>;

const tables = new WeakMap<RoutingSnapshot, RoutingTable>();

/** The table of a snapshot; made once. */
export function tableOf(snapshot: RoutingSnapshot): RoutingTable {
  const known = tables.get(snapshot);
  if (known !== undefined) return known;
  const table = buildTable(snapshot);
  tables.set(snapshot, table);
  return table;
}

function buildTable({ models, traffic = [] }: RoutingSnapshot): RoutingTable {
  const groups = Map.groupBy(models, ({ name }) => name);
  const policies = new Map(traffic.map((one) => [one.model, compileTraffic(one)]));
  const names = new Set([...groups.keys(), ...policies.keys()]);
  return new Map([...names].map((name) => [name, lineOf(name, groups.get(name) ?? [], policies.get(name))]));
}

function lineOf(name: string, models: readonly RoutedModel[], traffic: CompiledTraffic | undefined): Line {
  const versions = models.toSorted((a, b) => Number(b.version) - Number(a.version)).map(versionOf);
  const open = versions.filter(({ model }) => traffic?.excluded.has(model.version) !== true);
  return {
    name,
    versions,
    byVersion: new Map(versions.map((one) => [one.model.version, one])),
    traffic,
    highest: open.find((one) => one.isServing) ?? open[0],
  };
}

function versionOf(model: RoutedModel): LineVersion {
  const { name, version } = model;
  return {
    model,
    isServing: isServing(model),
    asked: { model: name, version, by: 'request' },
    highest: { model: name, version, by: 'highest-ready' },
  };
}

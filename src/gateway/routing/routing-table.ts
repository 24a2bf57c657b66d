import { isServing, type RoutedModel, type RoutingSnapshot } from '../../core/messages/index.ts';
import type { RouteChoice } from '../../core/traffic/index.ts';
import { compareVersions } from './compare-versions.ts';
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
  /** The one with the most weight among those that serve, else as `highest`: for requests that have no arm. */
  readonly steady: LineVersion | undefined;
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
  const versions = models.toSorted((a, b) => compareVersions(b.version, a.version)).map(versionOf);
  const open = traffic === undefined ? versions : versions.filter(({ model }) => traffic.isOpen(model.version));
  const byVersion = new Map(versions.map((one) => [one.model.version, one]));
  const highest = open.find((one) => one.isServing) ?? open[0];
  return { name, versions, byVersion, traffic, highest, steady: heaviestOf(byVersion, traffic) ?? highest };
}

function heaviestOf(byVersion: Line['byVersion'], traffic: CompiledTraffic | undefined): LineVersion | undefined {
  const serving = (traffic?.arms ?? []).filter(({ weight, version }) => weight > 0 && byVersion.get(version)?.isServing === true);
  const [heaviest] = serving.toSorted((a, b) => b.weight - a.weight || compareVersions(a.version, b.version));
  return heaviest === undefined ? undefined : byVersion.get(heaviest.version);
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

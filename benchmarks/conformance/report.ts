import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { ConformanceCase } from '../../tests/conformance/onnx/case-file.ts';
import { EQUAL, LOADED, type DoorResults } from '../../tests/conformance/onnx/served-cases.ts';
import { describeMachine, formatTable, RESULTS_FOLDER } from '../harness/index.ts';
import type { DirectResult } from './run-directly.ts';

export interface ConformanceRun {
  readonly cases: readonly ConformanceCase[];
  readonly direct: ReadonlyMap<string, DirectResult>;
  readonly results: ReadonlyMap<string, DoorResults>;
}

interface Verdict {
  readonly kind: string;
  readonly name: string;
  readonly reason: string;
}

const KINDS = {
  equal: 'equal over REST and over gRPC',
  defect: 'ONNX Runtime can, Plinth cannot',
  different: 'ONNX Runtime itself gives other values',
  notRun: 'ONNX Runtime itself loads it and does not run it',
  notLoaded: 'ONNX Runtime itself does not load it',
  notTensors: 'not made of tensors that Open Inference has',
} as const;

function judge(one: ConformanceCase, { direct, results }: ConformanceRun): Verdict {
  const { name, notTensors } = one;
  if (notTensors !== undefined) return { kind: KINDS.notTensors, name, reason: notTensors };
  const ours = results.get(name);
  if (ours?.rest === EQUAL && ours.grpc === EQUAL) return { kind: KINDS.equal, name, reason: '' };
  const itself = direct.get(name);
  const told = describeOurs(ours);
  if (itself?.outcome === 'not-loaded') return { kind: KINDS.notLoaded, name, reason: itself.reason };
  if (itself?.outcome === 'not-run') return { kind: KINDS.notRun, name, reason: `${itself.reason}; through the doors: ${told}` };
  if (itself?.outcome === 'different' && ours?.load === LOADED) return { kind: KINDS.different, name, reason: told };
  return { kind: KINDS.defect, name, reason: told };
}

function describeOurs(ours: DoorResults | undefined): string {
  if (ours === undefined) return 'not asked';
  if (ours.load !== LOADED) return `load: ${ours.load}`;
  return ours.rest === ours.grpc ? ours.rest : `REST: ${ours.rest}; gRPC: ${ours.grpc}`;
}

function shorten(reason: string): string {
  const text = reason
    .replaceAll(/\S*\/site-packages\/\S*/g, 'model.onnx')
    .replaceAll(/\s+/g, ' ')
    .replaceAll('|', '\\|');
  return text.length > 240 ? `${text.slice(0, 240)}…` : text;
}

/** Writes results/<name>.md: a table of counts, then every case that is not equal over both doors, by what stands in its way. */
export function writeConformanceReport(name: string, run: ConformanceRun): void {
  const verdicts = run.cases.map((one) => judge(one, run));
  const results = [...run.results.values()];
  const count = (kind: string): number => verdicts.filter((verdict) => verdict.kind === kind).length;
  const rows = [
    ['what', 'cases'],
    ['all', String(run.cases.length)],
    ['equal over REST', String(results.filter(({ rest }) => rest === EQUAL).length)],
    ['equal over gRPC', String(results.filter(({ grpc }) => grpc === EQUAL).length)],
    ...Object.values(KINDS).map((kind) => [kind, String(count(kind))]),
    [
      'loaded, but not unloaded again',
      String(results.filter(({ load, unload }) => load === LOADED && unload !== 'unloaded').length),
    ],
  ];
  const lists = Object.values(KINDS)
    .filter((kind) => kind !== KINDS.equal && count(kind) > 0)
    .map((kind) => {
      const lines = verdicts.filter((verdict) => verdict.kind === kind);
      return `### ${kind}\n\n${lines.map((verdict) => `- \`${verdict.name}\`: ${shorten(verdict.reason)}`).join('\n')}\n`;
    });
  const counts = formatTable(rows);
  const head = `## ONNX conformance through the doors\n\n${describeMachine()}\n\n${counts}\n`;
  mkdirSync(RESULTS_FOLDER, { recursive: true });
  writeFileSync(join(RESULTS_FOLDER, `${name}.md`), `${head}\n${lists.join('\n')}`);
  console.log(`\n${head}`);
}

import type { ModelFacts, TensorFacts, TensorPort } from '../../core/models/index.ts';
import { cleanLine, formatBytes, formatCount, type Terminal } from '../terminal/index.ts';

export interface BannerFacts {
  readonly url: string;
  /** Absent when there is no gRPC port. */
  readonly grpcAddress?: string | undefined;
  readonly managementUrl: string;
  readonly models: readonly BannerModel[];
  /** What to say of keys: a new one, or where to get one. */
  readonly key: string;
  /** A request to paste; absent while no model answers. */
  readonly curl?: string;
  readonly startMs: number;
}

/** One version of a model and its facts, or why it is not ready. */
export interface BannerModel {
  readonly name: string;
  readonly version?: string;
  readonly outcome: ModelFacts | string;
}

/** What a serve says once when it is ready. */
export function formatBanner(facts: BannerFacts, terminal: Terminal): string {
  const titles = facts.models.map((model) => cleanLine(titleOf(model, facts.models)));
  const width = Math.max(...titles.map((title) => title.length));
  const described = facts.models.map(({ outcome }, i) => `${(titles[i] ?? '').padEnd(width)}  ${describeOutcome(outcome)}`);
  const models = described.length > 0 ? described : ['none loaded; a load request brings them in'];
  const rows: ReadonlyArray<readonly [string, string]> = [
    ['Address', facts.url],
    ...(facts.grpcAddress === undefined ? [] : [['gRPC', facts.grpcAddress] as const]),
    ...models.map((line, i) => [i === 0 ? (models.length > 1 ? 'Models' : 'Model') : '', line] as const),
    ['Key', facts.key],
    ['Management', facts.managementUrl],
  ];
  const head = terminal.paint('bold', `Plinth is ready in ${(facts.startMs / 1000).toFixed(1)} s`);
  const lines = rows.map(([name, value]) => `  ${terminal.paint('dim', name.padEnd(12))}${value}`);
  const curl = facts.curl === undefined ? [] : ['', 'Try it:', '', facts.curl];
  return ['', head, '', ...lines, ...curl, '', ''].join('\n');
}

/** A version is named where a model has several. */
function titleOf({ name, version }: BannerModel, models: readonly BannerModel[]): string {
  const hasSeveral = models.filter((other) => other.name === name).length > 1;
  return hasSeveral ? `${name} (version ${version})` : name;
}

function describeOutcome(outcome: ModelFacts | string): string {
  if (typeof outcome === 'string') return `not ready: ${cleanLine(outcome)}`;
  const { parameterCount, quantization, fileBytes, engine, slots, tensors, capabilities } = outcome;
  if (tensors !== undefined && capabilities.every((one) => one === 'tensors')) return cleanLine(describeTensors(tensors, engine));
  const parameters = parameterCount > 0 ? [`${formatCount(parameterCount)} parameters`] : [];
  const size = fileBytes > 0 ? [formatBytes(fileBytes)] : [];
  const words = [...parameters, quantization, ...size, engine, `${slots} ${slots === 1 ? 'slot' : 'slots'}`];
  return cleanLine(words.filter((word) => word !== '').join(', '));
}

const MOST_PORTS = 4;

/** `ONNX Runtime 1.30.0 cpu, INPUT0 FP32[8×16] → OUTPUT0 FP32[16], batches of up to 8` */
function describeTensors({ config }: TensorFacts, engine: string): string {
  const steps = config.ensembleSteps?.map((step) => step.model).join(' → ');
  const batches = config.maxBatchSize > 0 ? [`batches of up to ${config.maxBatchSize}`] : [];
  const ports = `${describePorts(config.inputs)} → ${describePorts(config.outputs)}`;
  return [steps === undefined ? engine : `ensemble of ${steps}`, ports, ...batches].join(', ');
}

function describePorts(ports: readonly TensorPort[]): string {
  const shown = ports.slice(0, MOST_PORTS).map(({ name, datatype, dims }) => {
    return `${name} ${datatype}[${dims.map((size) => (size === -1 ? '?' : size)).join('×')}]`;
  });
  return ports.length > MOST_PORTS ? `${shown.join(' ')} …` : shown.join(' ');
}

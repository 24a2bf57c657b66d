import type { OnnxOptions } from '../../../core/models/index.ts';
import { mapOf, messageOf, messagesOf, numberOf, numbersOf, textOf, type ConfigMessage } from '../model-config/index.ts';
import { checkFileName, refuse } from './refuse.ts';

/** Which versions of a model are served. */
export type VersionPolicy =
  | { readonly type: 'latest'; readonly count: number }
  | { readonly type: 'all' }
  | { readonly type: 'specific'; readonly versions: readonly number[] };

/** The part of a configuration that says how a model is hosted. */
export interface Hosting {
  /** `operator`: a step that Plinth brings along, without a model file. */
  readonly kind: 'onnx' | 'ensemble' | 'operator';
  readonly versionPolicy: VersionPolicy;
  /** Absent when no group is configured. */
  readonly replicaCount?: number;
  /** `gpu` and `cpu` were asked for; absent leaves it to the configuration of the machine. */
  readonly processor?: 'cpu' | 'gpu';
  /** `model.onnx` unless the configuration names another. */
  readonly fileName: string;
  readonly onnx: Partial<OnnxOptions>;
}

const MOST_REPLICAS = 64;

/** Reads what is not about tensors. Throws, by name, on platforms and groups that cannot be honoured. */
export function readHosting(config: ConfigMessage): Hosting {
  const fileName = textOf(config, 'default_model_filename') || 'model.onnx';
  checkFileName(fileName, 'default_model_filename');
  return {
    kind: readKind(config),
    versionPolicy: readVersionPolicy(config),
    fileName,
    ...readGroups(config),
    onnx: readOnnxOptions(config),
  };
}

function readKind(config: ConfigMessage): Hosting['kind'] {
  const platform = textOf(config, 'platform');
  const engine = textOf(config, 'backend');
  const isEnsemble = messageOf(config, 'ensemble_scheduling') !== undefined;
  if (!['', 'onnxruntime_onnx', 'onnxruntime', 'ensemble'].includes(platform))
    throw refuse(`platform "${platform}" cannot be served; expected onnxruntime_onnx or ensemble`);
  if (!['', 'onnxruntime', 'plinth'].includes(engine))
    throw refuse(`backend "${engine}" cannot be served; expected onnxruntime or plinth`);
  if (isEnsemble !== (platform === 'ensemble'))
    throw refuse(isEnsemble ? 'ensemble_scheduling needs platform "ensemble"' : 'platform "ensemble" needs ensemble_scheduling');
  if (engine === 'plinth') return readOperatorKind(config, platform);
  if (!isEnsemble) return 'onnx';
  if (messagesOf(config, 'instance_group').length > 0) throw refuse('instance_group must not be specified for an ensemble');
  return 'ensemble';
}

function readOperatorKind(config: ConfigMessage, platform: string): Hosting['kind'] {
  if (platform !== '') throw refuse(`platform "${platform}" does not go with backend "plinth"; leave it out`);
  if (readParameter(config, 'operator') === '') throw refuse('backend "plinth" needs parameters["operator"]');
  return 'operator';
}

function readParameter(config: ConfigMessage, name: string): string {
  return textOf((mapOf(config, 'parameters').get(name) as ConfigMessage | undefined) ?? {}, 'string_value');
}

function readVersionPolicy(config: ConfigMessage): VersionPolicy {
  const policy = messageOf(config, 'version_policy') ?? {};
  if (messageOf(policy, 'all') !== undefined) return { type: 'all' };
  const specific = messageOf(policy, 'specific');
  if (specific !== undefined) return { type: 'specific', versions: numbersOf(specific, 'versions') };
  return { type: 'latest', count: numberOf(messageOf(policy, 'latest') ?? {}, 'num_versions') || 1 };
}

function readGroups(config: ConfigMessage): Pick<Hosting, 'replicaCount' | 'processor'> {
  const groups = messagesOf(config, 'instance_group');
  if (groups.length === 0) return {};
  const negative = groups.findIndex((group) => numberOf(group, 'count') < 0);
  if (negative !== -1) throw refuse(`instance_group[${negative}].count must not be negative`);
  const replicaCount = groups.reduce((sum, group) => sum + (numberOf(group, 'count') || 1), 0);
  if (replicaCount > MOST_REPLICAS) throw refuse(`instance_group asks for ${replicaCount} replicas; at most ${MOST_REPLICAS}`);
  const kinds = new Set(groups.map((group) => textOf(group, 'kind')));
  if (kinds.has('KIND_GPU') && kinds.size > 1) throw refuse('instance_group.kind: KIND_GPU cannot stand beside other kinds');
  return {
    replicaCount,
    ...(kinds.has('KIND_GPU') && { processor: 'gpu' as const }),
    ...(kinds.has('KIND_CPU') && { processor: 'cpu' as const }),
  };
}

/** Parameters of Triton's ONNX Runtime engine that change how it runs. */
function readOnnxOptions(config: ConfigMessage): Partial<OnnxOptions> {
  const read = (name: string) => readParameter(config, name);
  for (const name of ['execution_mode', 'inter_op_thread_count'])
    if (!['', '0'].includes(read(name))) throw refuse(`parameters["${name}"] is not honoured; leave it out or set it to 0`);
  const threads = read('intra_op_thread_count');
  if (!/^\d{0,4}$/.test(threads)) throw refuse(`parameters["intra_op_thread_count"] must be a whole number, got "${threads}"`);
  return {
    ...(threads !== '' && { intraOpThreads: Number(threads) }),
    ...readSwitch('spinning', read('session.intra_op.allow_spinning')),
    ...readSwitch('memoryArena', read('enable_mem_arena')),
  };
}

function readSwitch(option: 'spinning' | 'memoryArena', text: string): Partial<OnnxOptions> {
  if (text === '') return {};
  return { [option]: text === '0' || text === 'false' ? 'off' : 'on' };
}

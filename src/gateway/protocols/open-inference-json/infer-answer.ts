import type { Tensor } from '../../../core/inference/index.ts';
import type { InferenceResponse } from '../open-inference-tensors/index.ts';
import type { BodyOutput } from './infer-body.ts';
import { dataToJson, isLong, longDataToJson } from './json-tensors.ts';

/** An answer ready to be sent. */
export interface InferAnswer {
  readonly body: string | Buffer;
  /** Bytes of the JSON before the tensors; absent when there are none. */
  readonly jsonBytes?: number;
}

/** How outputs are to be put. Those in shared memory must have been written there already. */
export interface AnswerForms {
  readonly outputs: readonly BodyOutput[];
  readonly defaultForm: BodyOutput['form'];
  /** What {@link writeLongOutputs} has written already, by output. */
  readonly written?: ReadonlyMap<string, string>;
}

/** The long outputs that go as JSON, written so that other requests are not kept waiting; undefined when there are none. */
export function writeLongOutputs(
  { outputs }: InferenceResponse,
  forms: AnswerForms,
): Promise<ReadonlyMap<string, string>> | undefined {
  const long = outputs.filter((tensor) => {
    if (!isLong(tensor)) return false;
    const { form, memory } = formOf(tensor.name, forms);
    return form === 'json' && memory === undefined;
  });
  return long.length === 0 ? undefined : writeAll(long);
}

async function writeAll(tensors: readonly Tensor[]): Promise<ReadonlyMap<string, string>> {
  const written = new Map<string, string>();
  for (const tensor of tensors) written.set(tensor.name, await longDataToJson(tensor));
  return written;
}

/** The body of an answer: JSON, and behind it the tensors that were asked for as bytes. */
export function formatInferAnswer(response: InferenceResponse, forms: AnswerForms): InferAnswer {
  const binary: Uint8Array[] = [];
  const outputs = response.outputs.map((tensor) => {
    const text = forms.written?.get(tensor.name);
    if (text !== undefined) return `${formatHead(tensor)},"data":[${text}]}`;
    return formatOutput(tensor, formOf(tensor.name, forms), binary);
  });
  const json = `${formatResponseHead(response)},"outputs":[${outputs.join(',')}]}`;
  if (binary.length === 0) return { body: json };
  const head = Buffer.from(json, 'utf8');
  return { body: Buffer.concat([head, ...binary]), jsonBytes: head.byteLength };
}

/** `{"id":…,"model_name":…,"model_version":…,"parameters":…` without the end. */
export function formatResponseHead({ id, modelName, modelVersion, parameters }: InferenceResponse): string {
  const named = `"model_name":${JSON.stringify(modelName)},"model_version":"${modelVersion}"`;
  const head = id === '' ? `{${named}` : `{"id":${JSON.stringify(id)},${named}`;
  return hasFields(parameters) ? `${head},"parameters":${JSON.stringify(parameters)}` : head;
}

function hasFields(fields: object): boolean {
  for (const _ in fields) return true;
  return false;
}

function formOf(name: string, { outputs, defaultForm }: AnswerForms): BodyOutput {
  for (const output of outputs) if (output.name === name) return output;
  return { name, form: defaultForm };
}

function formatOutput(tensor: Tensor, { form, memory }: BodyOutput, binary: Uint8Array[]): string {
  const head = formatHead(tensor);
  const { byteLength } = tensor.data;
  if (memory !== undefined) {
    const place = `"shared_memory_region":${JSON.stringify(memory.region)},"shared_memory_offset":${memory.offset},"shared_memory_byte_size":${byteLength}`;
    return `${head},"parameters":{${place}}}`;
  }
  if (form === 'json') return `${head},"data":[${dataToJson(tensor)}]}`;
  if (byteLength > 0) binary.push(tensor.data);
  return `${head},"parameters":{"binary_data_size":${byteLength}}}`;
}

function formatHead({ name, datatype, shape }: Tensor): string {
  return `{"name":${JSON.stringify(name)},"datatype":"${datatype}","shape":[${shape.join(',')}]`;
}

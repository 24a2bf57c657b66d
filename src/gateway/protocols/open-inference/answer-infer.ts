import type { FastifyReply } from 'fastify';
import { PlinthError } from '../../../core/errors/index.ts';
import { datatypeBytes, type Tensor } from '../../../core/inference/index.ts';
import { foldEvents } from '../http/index.ts';
import type { SharedMemoryRegions } from '../open-inference-control/index.ts';
import {
  formatInferAnswer,
  parseInferBody,
  type InferAnswer,
  type InferBody,
  writeLongOutputs,
} from '../open-inference-json/index.ts';
import { findOpenModel, planInference, type InferencePlan, type OpenModel } from '../open-inference-model/index.ts';
import {
  encodeBytesElements,
  refuse,
  sequenceKeyOf,
  type InferenceCommand,
  type InferenceResponse,
} from '../open-inference-tensors/index.ts';
import { ACCEPTED_CODINGS, chooseCoding, decodeBody, encodeBody } from './content-coding.ts';
import { JSON_TYPE } from './format-error.ts';
import { unsupported, type Visit } from './visit.ts';

const JSON_LENGTH = 'inference-header-content-length';
const BINARY_TYPE = 'application/octet-stream';

/** Answers one inference call; nothing when nobody waits for the answer. Throws what becomes an HTTP error. */
export async function answerInfer(visit: Visit): Promise<FastifyReply | undefined> {
  const model = findOpenModel(visit.door, { ...visit.ask, sequence: () => readSequence(visit) }, visit.call);
  if (model.isDecoupled) throw unsupported("HTTP end point doesn't support models with decoupled transaction policy");
  const parsed = await readCall(visit, model);
  const { regions } = visit.open;
  for (const { memory } of parsed.outputs) if (memory !== undefined) regions.check(memory);
  const inputs = parsed.memory.size === 0 ? parsed.inputs : await fetchInputs(parsed, regions);
  const plan = planInference(model, commandOf(parsed, inputs), visit.call);
  const response = await foldOne(visit, plan);
  if (response === undefined) return undefined;
  for (const { name, memory } of parsed.outputs) {
    const tensor = memory === undefined ? undefined : response.outputs.find((output) => output.name === name);
    if (tensor !== undefined && memory !== undefined) await regions.write(memory, name, tensor.data);
  }
  const written = await writeLongOutputs(response, parsed);
  return await sendAnswer(visit, formatInferAnswer(response, written === undefined ? parsed : { ...parsed, written }));
}

/** The one response of a call; undefined when the client has gone. */
export async function foldOne({ door, call, reply }: Visit, plan: InferencePlan): Promise<InferenceResponse | undefined> {
  const responses: InferenceResponse[] = [];
  const isAwaited = await foldEvents(door.infer(plan.request, { ...call, isFolded: true }), reply.raw, (event) => {
    const response = plan.take(event);
    if (response !== undefined) responses.push(response);
    if (responses.length > 1) throw wrongCount(plan, responses.length);
  });
  if (!isAwaited) {
    reply.hijack();
    return undefined;
  }
  const [response] = responses;
  if (response === undefined) throw wrongCount(plan, 0);
  return response;
}

function wrongCount(plan: InferencePlan, count: number): PlinthError {
  if (plan.isDecoupled)
    return refuse(
      'generate expects model to produce exactly 1 response, use generate stream for model that generates various number of responses',
    );
  return new PlinthError({ code: 'engine_failed', message: `expected a single response, got ${count}` });
}

async function readCall({ request, reply, routes, body }: Visit, model: OpenModel): Promise<InferBody> {
  const encoding = request.headers['content-encoding'];
  if (encoding !== undefined) reply.header('accept-encoding', ACCEPTED_CODINGS);
  const whole = encoding === undefined ? body : await decodeBody(body, encoding, routes.tensorBodyBytes);
  if (encoding !== undefined) reply.removeHeader('accept-encoding');
  const jsonBytes = readJsonLength(request.headers[JSON_LENGTH], whole.byteLength);
  if (jsonBytes === 0 && request.headers[JSON_LENGTH] !== undefined) return rawBody(model, whole);
  return parseInferBody(whole.subarray(0, jsonBytes), whole.subarray(jsonBytes), model.name);
}

/** Read ahead of everything else, where traffic keeps sequences together. A compressed body, or one that is none, tells of no sequence. */
function readSequence({ request: { headers }, body, ask }: Visit): string {
  if (headers['content-encoding'] !== undefined) return '';
  try {
    const jsonBytes = readJsonLength(headers[JSON_LENGTH], body.byteLength);
    return sequenceKeyOf(parseInferBody(body.subarray(0, jsonBytes), body.subarray(jsonBytes), ask.name).parameters);
  } catch (error) {
    if (error instanceof PlinthError) return '';
    throw error;
  }
}

function readJsonLength(header: string | string[] | undefined, most: number): number {
  if (header === undefined) return most;
  const text = String(header).trim();
  const length = /^\d{1,10}$/.test(text) ? Number(text) : -1;
  if (length >= 0 && length <= most) return length;
  throw refuse(`inference header size should be in range (0, ${most}), got: ${text.slice(0, 32)}`);
}

/** A body that is nothing but the bytes of the model's one input: the shape follows from the number of bytes. */
function rawBody(model: OpenModel, bytes: Buffer): InferBody {
  const [port, ...others] = model.inputs;
  if (port === undefined || others.length > 0)
    throw refuse(
      `Raw request must only have 1 input (found 1) to be deduced but got ${model.inputs.length} inputs in '${model.name}' model configuration`,
    );
  const isText = port.datatype === 'BYTES';
  if (isText && !(port.dims.length === 1 && port.dims[0] === 1))
    throw refuse(`For BYTE datatype raw input '${port.name}', the model must have input shape [1]`);
  if (port.dims.filter((size) => size === -1).length > 1)
    throw refuse(
      `The shape of the raw input '${port.name}' can not be deduced because there are more than one variable-sized dimension`,
    );
  const fixed = port.dims.reduce((product, size) => (size === -1 ? product : product * size), datatypeBytes[port.datatype]);
  const dims = port.dims.map((size) => (size === -1 ? Math.floor(bytes.byteLength / Math.max(1, fixed)) : size));
  const shape = model.maxBatchSize > 0 ? [1, ...dims] : dims;
  const data = isText ? encodeBytesElements([bytes]) : bytes;
  return {
    id: '',
    parameters: new Map(),
    inputs: [{ name: port.name, datatype: port.datatype, shape, data }],
    memory: new Map(),
    outputs: [],
    defaultForm: 'binary',
  };
}

function fetchInputs({ inputs, memory }: InferBody, regions: SharedMemoryRegions): Promise<readonly Tensor[]> {
  return Promise.all(
    inputs.map(async (input, index) => {
      const reference = memory.get(index);
      return reference === undefined ? input : { ...input, data: await regions.read(reference) };
    }),
  );
}

function commandOf({ id, parameters, outputs }: InferBody, inputs: readonly Tensor[]): InferenceCommand {
  if (!parameters.has('binary_data_output')) return { id, inputs, outputs, parameters };
  const others = new Map(parameters);
  others.delete('binary_data_output');
  return { id, inputs, outputs, parameters: others };
}

async function sendAnswer({ request, reply }: Visit, { body, jsonBytes }: InferAnswer): Promise<FastifyReply> {
  reply.header('content-type', jsonBytes === undefined ? JSON_TYPE : BINARY_TYPE);
  if (jsonBytes !== undefined) reply.header(JSON_LENGTH, String(jsonBytes));
  const coding = chooseCoding(request.headers['accept-encoding'], body.length);
  // Fastify would name a charset after the type of a text.
  if (coding === undefined) return reply.send(typeof body === 'string' ? Buffer.from(body, 'utf8') : body);
  return reply.header('content-encoding', coding).send(await encodeBody(body, coding));
}

import type { FastifyReply } from 'fastify';
import type { TensorParameter } from '../../../core/inference/index.ts';
import { streamEvents } from '../http/index.ts';
import { dataToJson, formatResponseHead, parseGenerateBody } from '../open-inference-json/index.ts';
import { findOpenModel, planInference, type OpenModel } from '../open-inference-model/index.ts';
import { elementCount, refuse, type InferenceCommand, type InferenceResponse } from '../open-inference-tensors/index.ts';
import { foldOne } from './answer-infer.ts';
import { formatErrorText, JSON_TYPE } from './format-error.ts';
import type { Visit } from './visit.ts';

/** Answers with the model's one response as plain names and values; nothing when nobody waits for the answer. */
export async function answerGenerate(visit: Visit): Promise<FastifyReply | undefined> {
  const { model, command } = readCall(visit);
  const response = await foldOne(visit, planInference(model, command, visit.call));
  return response === undefined ? undefined : visit.reply.type(JSON_TYPE).send(formatGenerated(response));
}

/** Sends every response of the model as a server-sent event. A language model streams unless it is told not to. */
export async function answerGenerateStream(visit: Visit): Promise<void> {
  const { model, command } = readCall(visit);
  const plan = planInference(model, model.kind === 'generate' ? streaming(command) : command, visit.call);
  const { heartbeatMs, stalledReaderMs } = visit.routes;
  await streamEvents({
    events: visit.door.infer(plan.request, visit.call),
    reply: visit.reply,
    heartbeatMs,
    stalledReaderMs,
    format(event) {
      if (event.type === 'failed') return `data: ${formatErrorText(event.error)}\n\n`;
      const response = plan.take(event);
      return response === undefined ? '' : `data: ${formatGenerated(response)}\n\n`;
    },
  });
}

function readCall({ door, ask, call, request, body }: Visit): { model: OpenModel; command: InferenceCommand } {
  const model = findOpenModel(door, ask, call);
  const encoding = request.headers['content-encoding'] ?? 'identity';
  if (encoding !== 'identity' && encoding !== '') throw refuse("Unsupported content-encoding, only 'identity' is supported.");
  return { model, command: parseGenerateBody(body, model) };
}

function streaming(command: InferenceCommand): InferenceCommand {
  if (command.parameters.has('stream')) return command;
  const parameters = new Map<string, TensorParameter>([...command.parameters, ['stream', true]]);
  return { ...command, parameters };
}

function formatGenerated(response: InferenceResponse): string {
  const values = response.outputs.map((tensor) => {
    const text = dataToJson(tensor);
    return `,${JSON.stringify(tensor.name)}:${elementCount(tensor.shape) === 1 ? text : `[${text}]`}`;
  });
  return `${formatResponseHead(response)}${values.join('')}}`;
}

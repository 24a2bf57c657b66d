import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { foldEvents, streamEvents } from '../http/index.ts';
import type { InferenceDoor, ProtocolOptions } from '../inference-door.ts';
import { requireCapability } from '../openai/index.ts';
import { readAudioForm, readFormsOnly } from './audio-form.ts';
import { TranscriptAnswer } from './transcript-answer.ts';
import { parseWish, toRequest } from './transcription-fields.ts';

interface Place {
  readonly door: InferenceDoor;
  readonly options: ProtocolOptions;
  readonly task: 'transcribe' | 'translate';
}

/**
 * Puts OpenAI's audio endpoints on an application: `POST /v1/audio/transcriptions` and `/v1/audio/translations`, forms with a `file` of at
 * most 25 MiB. What is thrown here becomes an error in OpenAI's shape.
 */
export function registerAudio(app: FastifyInstance, door: InferenceDoor, options: ProtocolOptions): void {
  app.register((scope, _, done) => {
    readFormsOnly(scope);
    const add = (path: string, task: Place['task']): void => {
      scope.post(path, (request, reply) => answer({ door, options, task }, request, reply));
    };
    add('/v1/audio/transcriptions', 'transcribe');
    add('/v1/audio/translations', 'translate');
    done();
  });
}

/** Returns the body, or nothing when the answer was streamed or nobody waits for it. */
async function answer({ door, options, task }: Place, request: FastifyRequest, reply: FastifyReply): Promise<string | undefined> {
  const call = options.callOf(request);
  const { audio, fields } = await readAudioForm(request);
  const wish = parseWish(fields);
  requireCapability(door.choose({ name: wish.model, kind: 'transcribe' }, call).model, task, 'model');
  const timeLeftMs = Math.max(0, Math.round(call.deadlineMs - performance.now()));
  const inference = toRequest(wish, audio, { id: call.requestId, timeLeftMs, task });
  const transcript = new TranscriptAnswer(wish, task);
  const events = door.infer(inference, wish.isStreamed ? call : { ...call, isFolded: true });
  if (wish.isStreamed) {
    const { heartbeatMs, stalledReaderMs } = options;
    await streamEvents({ events, format: (event) => transcript.toChunks(event), reply, heartbeatMs, stalledReaderMs });
    return undefined;
  }
  if (!(await foldEvents(events, reply.raw, (event) => transcript.take(event)))) {
    reply.hijack();
    return undefined;
  }
  const { contentType, text } = transcript.toBody();
  reply.header('content-type', contentType);
  return text;
}

import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import type { InferenceEvent, RecognizeRequest } from '../../../core/inference/index.ts';
import type { Capability } from '../../../core/models/index.ts';
import { foldEvents } from '../http/index.ts';
import type { InferenceDoor, ProtocolOptions } from '../inference-door.ts';
import { requireCapability } from '../openai/index.ts';
import { MOST_PICTURE_BYTES, readPictureBodies, readPictureBody, type PictureBody } from './picture-body.ts';

interface VisionEndpoint {
  readonly path: string;
  readonly capability: Capability;
  /** What an event adds to the answer's `data`. */
  readonly describe: (event: InferenceEvent) => readonly object[];
}

const endpoints: readonly VisionEndpoint[] = [
  {
    path: '/v1/vision/classify',
    capability: 'classify-image',
    describe: (event) =>
      event.type === 'classification'
        ? event.classes.map(({ label, score, classIndex }) => ({ label, score, class_index: classIndex }))
        : [],
  },
  {
    path: '/v1/vision/detect',
    capability: 'detect-objects',
    describe: (event) => {
      if (event.type !== 'object-found') return [];
      const [xmin, ymin, xmax, ymax] = event.box;
      return [{ label: event.label, score: event.score, box: { xmin, ymin, xmax, ymax } }];
    },
  },
  {
    path: '/v1/vision/read',
    capability: 'read-text',
    describe: (event) => (event.type === 'text-found' ? [{ text: event.text, score: event.score, corners: event.corners }] : []),
  },
];

/**
 * Puts the picture endpoints on an application: classify, detect, read. Each takes `model`, `image`, `top_k` and `threshold` as JSON or as a
 * multipart form and answers `{object: "list", model, data}`; entries are as in the image pipelines of transformers.
 */
export function registerVision(app: FastifyInstance, door: InferenceDoor, options: ProtocolOptions): void {
  app.register((scope, _, done) => {
    readPictureBodies(scope, options.bodyDepth);
    // Base64 is a third longer than what it stands for.
    const bodyLimit = Math.ceil((MOST_PICTURE_BYTES * 4) / 3) + 4096;
    for (const endpoint of endpoints)
      scope.post(endpoint.path, { bodyLimit }, (request, reply) => answer({ endpoint, door, options }, request, reply));
    done();
  });
}

interface Place {
  readonly endpoint: VisionEndpoint;
  readonly door: InferenceDoor;
  readonly options: ProtocolOptions;
}

async function answer(
  { endpoint, door, options }: Place,
  request: FastifyRequest,
  reply: FastifyReply,
): Promise<object | undefined> {
  const call = options.callOf(request);
  const body = await readPictureBody(request);
  const { model } = door.choose({ name: body.model, kind: 'recognize' }, call);
  requireCapability(model, endpoint.capability, 'model');
  const timeLeftMs = Math.max(0, Math.round(call.deadlineMs - performance.now()));
  const events = door.infer(toRequest(body, { id: call.requestId, timeLeftMs }), { ...call, isFolded: true });
  const data: object[] = [];
  const isAwaited = await foldEvents(events, reply.raw, (event) => data.push(...endpoint.describe(event)));
  if (isAwaited) return { object: 'list', model: model.name, data };
  reply.hijack();
  return undefined;
}

function toRequest(
  { model, image, topK, threshold }: PictureBody,
  head: { readonly id: string; readonly timeLeftMs: number },
): RecognizeRequest {
  return {
    kind: 'recognize',
    ...head,
    model,
    image,
    ...(topK === undefined ? {} : { top: topK }),
    ...(threshold === undefined ? {} : { threshold }),
  };
}

import { z } from 'zod';
import { defaultOnnxOptions, taskNames } from '../models/index.ts';

/** The longest delay that a timer takes; a longer one would fire at once. */
const LONGEST_DELAY_MS = 2 ** 31 - 1;

const positive = z.int().min(1);
const milliseconds = z.int().min(0).max(LONGEST_DELAY_MS);
const positiveMilliseconds = z.int().min(1).max(LONGEST_DELAY_MS);

const engineFields = {
  slots: z.int().min(1).max(1024).describe('sequences that run at once in a replica'),
  contextTokens: z.int().min(0).describe('tokens of KV cache shared by the slots; 0 chooses by model and memory'),
  threads: z.int().min(0).describe('compute threads; 0 chooses by measuring'),
  gpuLayers: z.int().min(-1).describe('layers on an accelerator; -1 is all when there is one'),
  memoryLimitBytes: z.int().min(0).describe('a replica whose resident memory exceeds this is replaced; 0 is no limit'),
  replicas: z.int().min(1).max(64).describe('replicas per model'),
};

const queueFields = {
  length: z.int().min(0).describe('requests that may wait per model; more are refused at once'),
  timeoutMs: positiveMilliseconds.describe('longest wait of a request before it is refused, ms'),
};

const onnxFields = {
  executionProvider: z
    .enum(['cpu', 'cuda', 'webgpu', 'tensorrt'])
    .describe('where ONNX Runtime computes; a replica on a machine without it does not load'),
  intraOpThreads: z.int().min(0).max(1024).describe('threads inside an operator; 0 is the measured default'),
  spinning: z.enum(['on', 'off']).describe('threads wait in a busy loop: quicker between runs, takes the processor from others'),
  memoryArena: z.enum(['on', 'off']).describe('freed memory is kept for the next run'),
  slots: z.int().min(1).max(4096).describe('requests that a replica of an ONNX model may hold at once, so that batches can form'),
};

/** A model given in full in the configuration; a plain string in `models` is a catalog name, a path or a source reference. */
export const modelSchema = z.strictObject({
  name: z.string().regex(/^[A-Za-z0-9][A-Za-z0-9._/-]{0,127}$/, 'letters, digits, ".", "_", "/" and "-", at most 128'),
  source: z
    .string()
    .min(1)
    .optional()
    .describe('catalog name, path to a .gguf or .onnx file or to a folder, or hf:/pypi:/npm:/https:/file: reference'),
  engine: z.enum(['llama', 'echo', 'onnx']).optional().describe('found out from the source when absent'),
  task: z.enum(taskNames).optional().describe('what an ONNX model is for; found out from its files when absent'),
  onnx: z
    .strictObject({
      executionProvider: onnxFields.executionProvider.optional(),
      intraOpThreads: onnxFields.intraOpThreads.optional(),
      spinning: onnxFields.spinning.optional(),
      memoryArena: onnxFields.memoryArena.optional(),
    })
    .optional(),
  slots: engineFields.slots.optional(),
  contextTokens: engineFields.contextTokens.optional(),
  threads: engineFields.threads.optional(),
  gpuLayers: engineFields.gpuLayers.optional(),
  memoryLimitBytes: engineFields.memoryLimitBytes.optional(),
  replicas: engineFields.replicas.optional(),
  queueLength: queueFields.length.optional(),
  queueTimeoutMs: queueFields.timeoutMs.optional(),
  stepMs: z
    .number()
    .min(0)
    .default(0)
    .describe('fixed time of a step of echo; added to every step of other language models, for drills; ms'),
  failEvery: z.int().min(0).default(0).describe('the replica aborts at every so many requests, for drills; 0 never'),
  library: z.string().min(1).optional().describe('folder with the shared libraries of the engine; the packaged ones when absent'),
  upstream: z
    .strictObject({
      url: z.url({ protocol: /^https?$/ }).describe('base of an OpenAI endpoint that others run, https://host/v1'),
      model: z.string().min(1).max(200).describe('what the model is called there'),
      keyVariable: z
        .string()
        .regex(/^[A-Z][A-Z0-9_]{0,127}$/, 'the name of an environment variable')
        .optional()
        .describe('environment variable with the key for it'),
    })
    .optional()
    .describe('requests go to an endpoint that others run instead of to a replica'),
  swap: z
    .enum(['never', 'held'])
    .optional()
    .describe(
      'held: where memory is too short for two versions the old one goes first while requests wait; never (the default) keeps the old one',
    ),
});

/** The one schema of plinth.yaml, PLINTH_<SECTION>_<FIELD> and --section-field. */
export const configSchema = z.strictObject({
  home: z.string().min(1).default('~/.plinth').describe('where models, keys and state live'),
  host: z.string().min(1).default('127.0.0.1').describe('address of the inference port'),
  port: z.int().min(0).max(65535).default(8080).describe('inference port; 0 takes a free one'),
  grpcPort: z
    .int()
    .min(-1)
    .max(65535)
    .default(8001)
    .describe('port of the Open Inference protocol over gRPC; 0 takes a free one, -1 opens none'),
  managementHost: z.string().min(1).default('127.0.0.1').describe('address of the management port'),
  managementPort: z.int().min(0).max(65535).default(8081).describe('management port; 0 takes a free one'),
  models: z
    .array(z.union([z.string().min(1), modelSchema]))
    .min(1)
    .default(['smollm2'])
    .describe('models to serve'),
  tls: z
    .strictObject({
      certFile: z.string().min(1).optional().describe('PEM certificate chain'),
      keyFile: z.string().min(1).optional().describe('PEM private key'),
    })
    .refine(
      (tls) => (tls.certFile === undefined) === (tls.keyFile === undefined),
      'certFile and keyFile go together; one is missing',
    )
    .prefault({}),
  security: z
    .strictObject({
      allowInsecureListen: z.boolean().default(false).describe('listen beyond loopback without TLS, for running behind a proxy'),
      allowedHosts: z.array(z.string().min(1)).default([]).describe('Host names answered besides loopback and the own address'),
      corsOrigins: z.array(z.string().min(1)).default([]).describe('origins that browsers may call from'),
    })
    .prefault({}),
  limits: z
    .strictObject({
      bodyBytes: positive.default(8 * 1024 * 1024).describe('largest request body'),
      bodyDepth: positive.default(64).describe('deepest nesting of a JSON body'),
      headerCount: positive.default(100).describe('most headers of a request'),
      headerBytes: positive.default(16 * 1024).describe('largest header block'),
      connections: positive.default(4096).describe('most open connections'),
      concurrentRequests: positive.default(2048).describe('most requests in work at once'),
      requestTimeoutMs: positiveMilliseconds.default(600_000).describe('deadline of a request; x-request-timeout-ms shortens it'),
      stalledReaderMs: positiveMilliseconds.default(120_000).describe('a stream whose client takes nothing for so long is ended'),
      heartbeatMs: positiveMilliseconds.default(15_000).describe('comment lines keep a silent stream open'),
      drainMs: milliseconds.default(30_000).describe('begun work may finish for so long at shutdown'),
    })
    .prefault({}),
  openInference: z
    .strictObject({
      allowSharedMemory: z
        .boolean()
        .default(false)
        .describe('whoever has a key may have tensors read from and written to POSIX shared memory of this machine'),
    })
    .prefault({}),
  queue: z
    .strictObject({ length: queueFields.length.default(256), timeoutMs: queueFields.timeoutMs.default(60_000) })
    .prefault({}),
  engine: z
    .strictObject({
      slots: engineFields.slots.default(16),
      contextTokens: engineFields.contextTokens.default(0),
      threads: engineFields.threads.default(0),
      gpuLayers: engineFields.gpuLayers.default(-1),
      memoryLimitBytes: engineFields.memoryLimitBytes.default(0),
      replicas: engineFields.replicas.default(1),
    })
    .prefault({}),
  onnx: z
    .strictObject({
      executionProvider: onnxFields.executionProvider.default(defaultOnnxOptions.executionProvider),
      intraOpThreads: onnxFields.intraOpThreads.default(defaultOnnxOptions.intraOpThreads),
      spinning: onnxFields.spinning.default(defaultOnnxOptions.spinning),
      memoryArena: onnxFields.memoryArena.default(defaultOnnxOptions.memoryArena),
      slots: onnxFields.slots.default(64),
    })
    .prefault({}),
  repository: z
    .strictObject({
      controlMode: z
        .enum(['none', 'explicit', 'poll'])
        .default('none')
        .describe('none loads what is in model folders at start, explicit only on request, poll follows changes of the files'),
      pollMs: z
        .int()
        .min(100)
        .max(LONGEST_DELAY_MS)
        .default(15_000)
        .describe('poll only: time between two looks at the files, ms'),
      loadModels: z.array(z.string().min(1)).default([]).describe('explicit only: models to load at start; * is all'),
    })
    .prefault({}),
  book: z
    .strictObject({
      urlVariable: z
        .string()
        .regex(/^[A-Z][A-Z0-9_]{0,127}$/, 'the name of an environment variable')
        .default('PLINTH_DATABASE_URL')
        .describe('environment variable with a postgres:// address; where it is set, several gateways share that book'),
    })
    .prefault({}),
  releases: z
    .strictObject({
      embeddingModel: z.string().min(1).optional().describe('served model whose embeddings tell how alike two answers are'),
      judgeModel: z.string().min(1).optional().describe('served model that is asked which of two answers is better'),
      captureShare: z.number().min(0).max(1).default(0).describe('share of requests that are kept, redacted, for rehearsals'),
      captureConsent: z
        .enum(['header', 'all'])
        .default('header')
        .describe('header keeps only requests with x-plinth-consent: capture'),
      captureMost: z.int().min(0).max(100_000).default(500).describe('kept requests per model; older ones make room'),
      receipts: z.int().min(0).max(1_000_000).default(5000).describe('requests whose receipts are kept in memory'),
      keepWarmMs: milliseconds.default(600_000).describe('the version before stays loaded for so long after a promotion'),
    })
    .prefault({}),
  cache: z
    .strictObject({
      responseBytes: z
        .int()
        .min(0)
        .default(64 * 1024 * 1024)
        .describe('memory for answers of models whose configuration enables response_cache; 0 keeps none'),
    })
    .prefault({}),
  log: z
    .strictObject({
      level: z
        .enum(['trace', 'debug', 'info', 'warn', 'error', 'silent'])
        .default('info')
        .describe('least severe lines that are written'),
      format: z.enum(['auto', 'json', 'pretty']).default('auto').describe('auto is pretty on a terminal'),
    })
    .prefault({}),
});

export type Config = z.infer<typeof configSchema>;
export type ModelConfig = z.infer<typeof modelSchema>;

import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { buildModel, operation, port, tensor, writeModel } from '../../packages/onnx-tools/index.ts';
import { defaultOnnxOptions, type ModelSpec, type TaskName } from '../../src/core/models/index.ts';
import { openOnnxGraph } from '../../src/worker/engines/onnx/index.ts';
import { openTextTask } from '../../src/worker/tasks/text/index.ts';

/** Words of the tiny models; the id of a word is its place. */
export const WORDS = ['[PAD]', '[UNK]', '[CLS]', '[SEP]', 'red', 'green', 'blue', 'first', 'next', '##s'];

export interface TinyTextModel {
  readonly task: TaskName;
  /** The vector of each word: of an embedding model its token vector, of the others its part of the logits. */
  readonly weights: readonly (readonly number[])[];
  /** Beside config.json, tokenizer.json and the graph; replaces them where the path is the same. */
  readonly files?: Readonly<Record<string, unknown>>;
  readonly config?: Readonly<Record<string, unknown>>;
}

export type TextTask = ReturnType<typeof openTextTask>;

/** For tests: a text model whose answers can be told by hand. An embedding model gives each token its vector; the others add the vectors up, those of a second text twice. */
export class TinyModels {
  readonly #folder = mkdtempSync(join(tmpdir(), 'plinth-text-'));
  readonly #tasks: TextTask[] = [];
  #opened = 0;

  /** Writes the model's files; returns the folder. */
  write(model: TinyTextModel): string {
    const folderPath = join(this.#folder, String(this.#opened++));
    const files = { 'config.json': configOf(model), 'tokenizer.json': tokenizer(), ...model.files };
    for (const [path, content] of Object.entries(files)) write(join(folderPath, path), JSON.stringify(content));
    write(join(folderPath, GRAPH), graphOf(model));
    return folderPath;
  }

  open(model: TinyTextModel): TextTask {
    const folderPath = this.write(model);
    const task = openTextModel({ task: model.task, filePath: join(folderPath, GRAPH), folderPath });
    this.#tasks.push(task);
    return task;
  }

  close(): void {
    for (const task of this.#tasks) task.close();
    rmSync(this.#folder, { recursive: true });
  }
}

const GRAPH = 'onnx/model.onnx';

/** Opens the text model of a folder with the real engine. */
export function openTextModel(place: Pick<ModelSpec, 'task'> & { filePath: string; folderPath: string }): TextTask {
  const spec: ModelSpec = { ...blankSpec, ...place };
  return openTextTask(spec, (name) => openOnnxGraph(join(place.folderPath, name), spec.onnx));
}

const blankSpec: Omit<ModelSpec, 'task'> = {
  name: 'tiny',
  version: '1',
  engine: 'onnx',
  onnx: defaultOnnxOptions,
  slots: 1,
  contextTokens: 0,
  threads: 0,
  gpuLayers: 0,
  queueLength: 1,
  queueTimeoutMs: 1,
  memoryLimitBytes: 0,
  stepMs: 0,
};

function write(path: string, content: string | Uint8Array): void {
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, content);
}

function configOf({ config }: TinyTextModel): object {
  return { model_type: 'bert', vocab_size: WORDS.length, max_position_embeddings: 8, pad_token_id: 0, ...config };
}

function graphOf({ task, weights }: TinyTextModel): Uint8Array {
  const width = weights[0]?.length ?? 0;
  const ids = ['input_ids', 'attention_mask', 'token_type_ids'].map((name) => port(name, 'INT64', ['batch', 'tokens']));
  const initializers = [
    tensor('weights', 'FP32', { dims: [weights.length, width], values: weights.flat() }),
    tensor('one', 'FP32', { dims: [], values: [1] }),
    tensor('last', 'INT64', { dims: [1], values: [2] }),
    tensor('middle', 'INT64', { dims: [1], values: [1] }),
  ];
  const gather = operation('Gather', ['weights', 'input_ids'], ['last_hidden_state']);
  if (task === 'embed') {
    const outputs = [port('last_hidden_state', 'FP32', ['batch', 'tokens', width])];
    return writeModel(buildModel({ inputs: ids, outputs, initializers, operations: [gather] }));
  }
  const operations = [
    gather,
    operation('Cast', ['attention_mask'], { outputs: ['mask'], attributes: { to: 1 } }),
    operation('Cast', ['token_type_ids'], { outputs: ['types'], attributes: { to: 1 } }),
    operation('Add', ['types', 'one'], ['times']),
    operation('Mul', ['mask', 'times'], ['counts']),
    operation('Unsqueeze', ['counts', 'last'], ['wide']),
    operation('Mul', ['last_hidden_state', 'wide'], ['counted']),
    operation('ReduceSum', ['counted', 'middle'], { outputs: ['logits'], attributes: { keepdims: 0 } }),
  ];
  return writeModel(buildModel({ inputs: ids, outputs: [port('logits', 'FP32', ['batch', width])], initializers, operations }));
}

function tokenizer(): object {
  const special = (id: string, type: number) => ({ SpecialToken: { id, type_id: type } });
  const sequence = (id: string, type: number) => ({ Sequence: { id, type_id: type } });
  const token = (id: string) => ({ id, ids: [WORDS.indexOf(id)], tokens: [id] });
  return {
    version: '1.0',
    added_tokens: ['[PAD]', '[UNK]', '[CLS]', '[SEP]'].map((content) => ({
      id: WORDS.indexOf(content),
      content,
      single_word: false,
      lstrip: false,
      rstrip: false,
      normalized: false,
      special: true,
    })),
    normalizer: null,
    pre_tokenizer: { type: 'BertPreTokenizer' },
    post_processor: {
      type: 'TemplateProcessing',
      single: [special('[CLS]', 0), sequence('A', 0), special('[SEP]', 0)],
      pair: [special('[CLS]', 0), sequence('A', 0), special('[SEP]', 0), sequence('B', 1), special('[SEP]', 1)],
      special_tokens: { '[CLS]': token('[CLS]'), '[SEP]': token('[SEP]') },
    },
    decoder: { type: 'WordPiece', prefix: '##', cleanup: true },
    model: {
      type: 'WordPiece',
      unk_token: '[UNK]',
      continuing_subword_prefix: '##',
      max_input_chars_per_word: 100,
      vocab: Object.fromEntries(WORDS.map((word, id) => [word, id])),
    },
  };
}

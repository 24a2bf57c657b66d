import type { InferenceRequest, ScoredClass } from '../../../core/inference/index.ts';
import { PlinthError } from '../../../core/errors/index.ts';
import type { ModelFacts, ModelSpec } from '../../../core/models/index.ts';
import type { LoadedGraph, OpenGraph } from '../../graph.ts';
import type { ItemOutcome, StepReport, Task, WorkItem } from '../../task.ts';
import { readFileSummary, readJsonFile, readLabels } from './model-files.ts';
import { MOST_DECODING, readPicture } from './picture.ts';
import { preparePicture, readPreparation, type PicturePreparation } from './picture-preparation.ts';
import { floatsOf, batchTensor, onlyInput, pictureFacts, probePicture, requirePicture } from './picture-task.ts';

const MAX_BATCH_ROWS = 16;
const DEFAULT_TOP = 5;

interface PictureItem extends WorkItem {
  readonly planes: Float32Array;
  readonly top: number;
}

/** Image classification: pixels in, logits out, names from the model's own files. */
export class ClassifyPicture implements Task<PictureItem> {
  readonly facts: ModelFacts;
  readonly maxBatchRows: number;
  readonly mostPreparing = MOST_DECODING;
  readonly threads: number;
  readonly #graph: LoadedGraph;
  readonly #name: string;
  readonly #inputName: string;
  readonly #preparation: PicturePreparation;
  readonly #labels: readonly string[];

  constructor(spec: ModelSpec, openGraph: OpenGraph, mainFile: { readonly name: string; readonly path: string }) {
    this.#graph = openGraph(mainFile.name);
    this.#name = spec.name;
    this.threads = this.#graph.threads;
    const input = onlyInput(this.#graph);
    this.#inputName = input.name;
    this.maxBatchRows = input.shape[0] === -1 ? MAX_BATCH_ROWS : 1;
    this.#preparation = readPreparation(readJsonFile(spec.folderPath, 'preprocessor_config.json'), [
      input.shape[2] ?? -1,
      input.shape[3] ?? -1,
    ]);
    this.#labels = readLabels(spec.folderPath);
    const architecture = String(readJsonFile(spec.folderPath, 'config.json')?.['model_type'] ?? 'classifier');
    const summary = readFileSummary(mainFile.path);
    this.facts = pictureFacts({ spec, graph: this.#graph, summary, capability: 'classify-image', architecture });
  }

  async prepare(request: InferenceRequest): Promise<readonly PictureItem[]> {
    const { image, top } = requirePicture(request, this.facts);
    const planes = await preparePicture(await readPicture(image), this.#preparation);
    return [{ shapeClass: 'picture', rows: 1, rowCost: 1, promptTokens: 0, planes, top: top ?? DEFAULT_TOP }];
  }

  execute(items: readonly PictureItem[]): StepReport {
    const startedAt = performance.now();
    const batch = batchTensor(this.#inputName, items, this.#preparation);
    const ranAt = performance.now();
    const [output] = this.#graph.run([batch]);
    const cameAt = performance.now();
    const scores = floatsOf(output);
    const classes = scores.length / items.length;
    const outcomes = items.map((item, row) => this.#describe(scores.subarray(row * classes, (row + 1) * classes), item.top));
    return { outcomes, inputMs: ranAt - startedAt, inferMs: cameAt - ranAt, outputMs: performance.now() - cameAt };
  }

  probe(): InferenceRequest {
    return probePicture(this.#name);
  }

  close(): void {
    this.#graph.close();
  }

  #describe(logits: Float32Array, top: number): ItemOutcome {
    const scores = toProbabilities(logits);
    if (!scores.every(Number.isFinite)) {
      const error = new PlinthError({ code: 'engine_failed', message: 'The model gave scores that are not finite.' });
      return { type: 'failed', error: error.facts };
    }
    const classes = Array.from(scores, (score, classIndex): ScoredClass => ({
      classIndex,
      label: this.#labels[classIndex] ?? String(classIndex),
      score,
    }));
    const best = classes.toSorted((a, b) => b.score - a.score).slice(0, top);
    return { type: 'finished', events: [{ type: 'classification', index: 0, classes: best }] };
  }
}

/** Models end in logits or in probabilities; what already sums to one in 0…1 is left as it is. */
function toProbabilities(values: Float32Array): Float32Array {
  const sum = values.reduce((total, value) => total + value, 0);
  if (Math.abs(sum - 1) < 1e-3 && values.every((value) => value >= 0)) return values;
  const most = values.reduce((best, value) => Math.max(best, value), -Infinity);
  const powers = values.map((value) => Math.exp(value - most));
  const total = powers.reduce((all, power) => all + power, 0);
  return powers.map((power) => power / total);
}

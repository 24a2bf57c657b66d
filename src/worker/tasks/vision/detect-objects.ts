import { PlinthError } from '../../../core/errors/index.ts';
import type { InferenceEvent, InferenceRequest } from '../../../core/inference/index.ts';
import type { ModelFacts, ModelSpec } from '../../../core/models/index.ts';
import type { LoadedGraph, OpenGraph } from '../../graph.ts';
import type { StepReport, Task, WorkItem } from '../../task.ts';
import { chooseBoxes, readBoxes, type FoundBox } from './choose-boxes.ts';
import { readFileSummary, readLabels } from './model-files.ts';
import { MOST_DECODING, readPicture, resizePicture, type Picture } from './picture.ts';
import { floatsOf, batchTensor, onlyInput, pictureFacts, probePicture, requirePicture } from './picture-task.ts';
import { writePlanes, type PixelScaling } from './pixel-planes.ts';

const DEFAULT_EDGE = 640;
const LARGEST_EDGE = 2048;
const DEFAULT_THRESHOLD = 0.25;
const DEFAULT_TOP = 100;
const OVERLAP = 0.7;
const MAX_BATCH_ROWS = 8;
const GREY = 114;
const SCALING: PixelScaling = { scale: 1 / 255, mean: [0, 0, 0], deviation: [1, 1, 1], order: 'rgb' };

interface DetectItem extends WorkItem {
  readonly planes: Float32Array;
  /** Tensor pixel = picture pixel × factor + offset. */
  readonly factor: number;
  readonly left: number;
  readonly top: number;
  readonly picture: { readonly width: number; readonly height: number };
  readonly threshold: number;
  readonly most: number;
}

/** Object detection by a YOLO head (v8, v11, v10, 26): letterbox, graph, doubles removed, boxes in pixels of the picture. */
export class DetectObjects implements Task<DetectItem> {
  readonly facts: ModelFacts;
  readonly maxBatchRows: number;
  readonly mostPreparing = MOST_DECODING;
  readonly threads: number;
  readonly #graph: LoadedGraph;
  readonly #name: string;
  readonly #inputName: string;
  readonly #size: { readonly width: number; readonly height: number };
  readonly #labels: readonly string[];

  constructor(spec: ModelSpec, openGraph: OpenGraph, mainFile: { readonly name: string; readonly path: string }) {
    this.#graph = openGraph(mainFile.name);
    this.#name = spec.name;
    this.threads = this.#graph.threads;
    const input = onlyInput(this.#graph);
    this.#inputName = input.name;
    this.maxBatchRows = input.shape[0] === -1 ? MAX_BATCH_ROWS : 1;
    const summary = readFileSummary(mainFile.path);
    const [height = DEFAULT_EDGE, width = DEFAULT_EDGE] = readEdges(summary.metadata.get('imgsz'));
    this.#size = { height: fixedOr(input.shape[2], height), width: fixedOr(input.shape[3], width) };
    const labels = readLabels(spec.folderPath);
    this.#labels = labels.length > 0 ? labels : readNames(summary.metadata.get('names'));
    this.facts = pictureFacts({ spec, graph: this.#graph, summary, capability: 'detect-objects', architecture: 'yolo' });
  }

  async prepare(request: InferenceRequest): Promise<readonly DetectItem[]> {
    const { image, top, threshold } = requirePicture(request, this.facts);
    const picture = await readPicture(image);
    const letter = await this.#letterbox(picture);
    return [
      {
        shapeClass: 'picture',
        rows: 1,
        rowCost: 1,
        promptTokens: 0,
        ...letter,
        picture: { width: picture.width, height: picture.height },
        threshold: threshold ?? DEFAULT_THRESHOLD,
        most: top ?? DEFAULT_TOP,
      },
    ];
  }

  execute(items: readonly DetectItem[]): StepReport {
    const startedAt = performance.now();
    const batch = batchTensor(this.#inputName, items, this.#size);
    const ranAt = performance.now();
    const [output] = this.#graph.run([batch]);
    const cameAt = performance.now();
    const [, rows = 0, columns = 0] = output?.shape ?? [];
    if (output?.shape.length !== 3 || (rows < 5 && columns !== 6))
      throw new PlinthError({
        code: 'engine_failed',
        message: `The model gave [${output?.shape.join(', ') ?? ''}], which is no known layout of boxes.`,
      });
    const values = floatsOf(output);
    const outcomes = items.map((item, row) => {
      const own = values.subarray(row * rows * columns, (row + 1) * rows * columns);
      const boxes = chooseBoxes(readBoxes({ values: own, shape: [rows, columns] }, item.threshold), {
        overlap: OVERLAP,
        top: item.most,
      });
      return { type: 'finished', events: boxes.map((found) => this.#describe(found, item)) } as const;
    });
    return { outcomes, inputMs: ranAt - startedAt, inferMs: cameAt - ranAt, outputMs: performance.now() - cameAt };
  }

  probe(): InferenceRequest {
    return probePicture(this.#name);
  }

  close(): void {
    this.#graph.close();
  }

  async #letterbox(picture: Picture): Promise<Pick<DetectItem, 'planes' | 'factor' | 'left' | 'top'>> {
    const { width, height } = this.#size;
    const factor = Math.min(width / picture.width, height / picture.height);
    const inner = {
      width: Math.max(1, Math.round(picture.width * factor)),
      height: Math.max(1, Math.round(picture.height * factor)),
    };
    const left = Math.floor((width - inner.width) / 2);
    const top = Math.floor((height - inner.height) / 2);
    const planes = new Float32Array(3 * width * height);
    const placed = { picture: await resizePicture(picture, inner), left, top };
    writePlanes(planes, placed, { size: { width, height, filler: GREY }, scaling: SCALING });
    return { planes, factor, left, top };
  }

  #describe({ box, classIndex, score }: FoundBox, item: DetectItem): InferenceEvent {
    const { factor, left, top, picture } = item;
    const x = (value: number): number => Math.min(picture.width, Math.max(0, (value - left) / factor));
    const y = (value: number): number => Math.min(picture.height, Math.max(0, (value - top) / factor));
    return {
      type: 'object-found',
      label: this.#labels[classIndex] ?? String(classIndex),
      score,
      box: [x(box[0]), y(box[1]), x(box[2]), y(box[3])],
    };
  }
}

function fixedOr(fixed: number | undefined, wanted: number): number {
  const edge = fixed !== undefined && fixed > 0 ? fixed : wanted;
  if (edge <= LARGEST_EDGE) return edge;
  throw new PlinthError({
    code: 'invalid_model_file',
    message: `The model wants pictures with an edge of ${edge}; at most ${LARGEST_EDGE} are made.`,
  });
}

/** `[640, 640]` as Ultralytics writes it. */
function readEdges(text: string | undefined): number[] {
  return [...(text ?? '').matchAll(/\d{1,5}/g)].map(([digits]) => Number(digits)).filter((edge) => edge >= 32);
}

/** `{0: 'person', 1: "child's toy"}`, a Python dictionary as Ultralytics writes it. */
export function readNames(text: string | undefined): string[] {
  const names: string[] = [];
  for (const [, index, single, double] of (text ?? '').matchAll(
    /(\d{1,6}): (?:'((?:[^'\\]|\\.){0,200})'|"((?:[^"\\]|\\.){0,200})")/g,
  ))
    names[Number(index)] = (single ?? double ?? '').replaceAll(/\\(.)/g, '$1');
  return Array.from(names, (name, index) => name ?? String(index));
}

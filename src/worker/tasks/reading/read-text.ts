import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { PlinthError } from '../../../core/errors/index.ts';
import type { InferenceEvent, InferenceRequest } from '../../../core/inference/index.ts';
import type { ModelFacts, ModelSpec } from '../../../core/models/index.ts';
import type { OpenGraph } from '../../graph.ts';
import { HeldMemory } from '../../held-memory.ts';
import type { ItemOutcome, StepReport, Task, WorkItem } from '../../task.ts';
import { probePicture, readFileSummary, readPicture, requirePicture, resizePicture, type Picture } from '../vision/index.ts';
import { cutRegion } from './cut-region.ts';
import { placeRegions, type TextRegion } from './find-regions.ts';
import { fitForDetection } from './line-planes.ts';
import { readDictionary } from './read-dictionary.ts';
import { TextReader, type ReaderFiles } from './text-reader.ts';

const LINES_PER_STEP = 6;
/** Pixels of pictures that wait or are under way; one more may be decoded while there is room. */
const HELD_BYTES = 256 * 1024 * 1024;
const DEFAULT_THRESHOLD = 0.5;

interface FoundLine {
  readonly corners: TextRegion['corners'];
  readonly picture: Picture;
}

interface ReadItem extends WorkItem {
  readonly picture: Picture;
  readonly small: Picture;
  readonly threshold: number;
  readonly most: number;
  /** Absent before the first step. In reading order. */
  lines?: readonly FoundLine[];
  /** Lines that are read already, by place. */
  done: number;
  found: number;
}

/** Reads text in pictures with three graphs, a few lines a step: where is text, which way up is it, what does it say. */
export class ReadText implements Task<ReadItem> {
  readonly facts: ModelFacts;
  readonly maxBatchRows = 1;
  readonly mostPreparing = 1;
  readonly threads: number;
  readonly #memory = new HeldMemory(HELD_BYTES);
  readonly #reader: TextReader;
  readonly #name: string;

  constructor(spec: ModelSpec, openGraph: OpenGraph) {
    const folder = spec.folderPath ?? dirname(spec.filePath ?? '');
    const files = findFiles(folder);
    this.#reader = new TextReader(files, openGraph);
    this.#name = spec.name;
    this.threads = this.#reader.threads;
    const summaries = [files.detection, files.recognition, files.classification].flatMap((file) =>
      file === undefined ? [] : [readFileSummary(join(folder, file))],
    );
    this.facts = {
      architecture: 'paddle-ocr',
      parameterCount: summaries.reduce((sum, { parameterCount }) => sum + parameterCount, 0),
      quantization: 'F32',
      fileBytes: summaries.reduce((sum, { fileBytes }) => sum + fileBytes, 0),
      engine: this.#reader.engine,
      contextTokens: 0,
      embeddingDimensions: 0,
      slots: spec.slots,
      capabilities: ['read-text'],
    };
  }

  async prepare(request: InferenceRequest): Promise<readonly ReadItem[]> {
    const { image, threshold, top } = requirePicture(request, this.facts);
    await this.#memory.room();
    const picture = await readPicture(image);
    const small = await resizePicture(picture, fitForDetection(picture));
    const limits = { threshold: threshold ?? DEFAULT_THRESHOLD, most: top ?? Infinity };
    const work = { shapeClass: 'picture', rows: 1, rowCost: 1, promptTokens: 0 };
    const item: ReadItem = { ...work, picture, small, ...limits, done: 0, found: 0 };
    this.#memory.hold(item, picture.pixels.byteLength);
    return [item];
  }

  execute(items: readonly ReadItem[]): StepReport {
    const startedAt = performance.now();
    const outcomes = items.map((item) => {
      const outcome = item.lines === undefined ? this.#find(item) : this.#read(item, item.lines);
      if (outcome.type !== 'continued') this.#memory.release(item);
      return outcome;
    });
    return { outcomes, inputMs: 0, inferMs: performance.now() - startedAt, outputMs: 0 };
  }

  abandon(item: ReadItem): void {
    this.#memory.release(item);
  }

  probe(): InferenceRequest {
    return probePicture(this.#name);
  }

  close(): void {
    this.#reader.close();
  }

  #find(item: ReadItem): ItemOutcome {
    const { picture, small } = item;
    item.lines = placeRegions(this.#reader.findRegions(small), small, picture).map((corners) => {
      return { corners, picture: cutRegion(picture, corners) };
    });
    return item.lines.length === 0 ? { type: 'finished', events: [] } : { type: 'continued', events: [] };
  }

  #read(item: ReadItem, lines: readonly FoundLine[]): ItemOutcome {
    const batch = lines.slice(item.done, item.done + LINES_PER_STEP);
    const upright = this.#reader.turnUpright(batch.map(({ picture }) => picture));
    const events: InferenceEvent[] = [];
    for (const [index, { text, score }] of this.#reader.readLines(upright).entries()) {
      const corners = batch[index]?.corners;
      if (corners === undefined || text === '' || score < item.threshold || item.found >= item.most) continue;
      item.found += 1;
      events.push({ type: 'text-found', text, score, corners });
    }
    item.done += batch.length;
    return { type: item.done >= lines.length || item.found >= item.most ? 'finished' : 'continued', events };
  }
}

/** Throws `invalid_model_file` when a part is missing. */
function findFiles(folder: string): ReaderFiles {
  for (const file of ['detection.onnx', 'recognition.onnx']) {
    if (existsSync(join(folder, file))) continue;
    const message = `A text reader needs detection.onnx and recognition.onnx in its folder; ${file} is missing.`;
    throw new PlinthError({ code: 'invalid_model_file', message });
  }
  const dictionary = existsSync(join(folder, 'dictionary.txt')) ? 'dictionary.txt' : 'recognition.onnx';
  const classification = existsSync(join(folder, 'classification.onnx')) ? { classification: 'classification.onnx' } : {};
  return {
    detection: 'detection.onnx',
    recognition: 'recognition.onnx',
    ...classification,
    dictionary: readDictionary(folder, dictionary),
  };
}

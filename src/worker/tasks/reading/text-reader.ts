import { PlinthError } from '../../../core/errors/index.ts';
import type { LoadedGraph, OpenGraph } from '../../graph.ts';
import { floatsOf, floatTensor, onlyInput, type Picture } from '../vision/index.ts';
import { isTurned, turnHalf } from './cut-region.ts';
import { findRegions, type TextMap, type TextRegion } from './find-regions.ts';
import { chooseLineWidth, detectionPlanes, LINE_HEIGHT, linePlanes, TURN_WIDTH } from './line-planes.ts';
import { readAlphabet, readCharacters, type ReadLine } from './read-characters.ts';

/** The three graphs of a PaddleOCR set by their places in its folder. */
export interface ReaderFiles {
  readonly detection: string;
  readonly recognition: string;
  /** Tells lines that stand on their heads; they are read as they are without it. */
  readonly classification?: string;
  /** A character a line. */
  readonly dictionary: string;
}

/** Runs the graphs of an optical reader on pictures that are already of the right size. */
export class TextReader {
  readonly engine: string;
  readonly threads: number;
  readonly #detection: LoadedGraph;
  readonly #recognition: LoadedGraph;
  readonly #classification: LoadedGraph | undefined;
  readonly #dictionary: string;
  #alphabet: readonly string[] | undefined;

  constructor(files: ReaderFiles, openGraph: OpenGraph) {
    this.#detection = openGraph(files.detection);
    this.#recognition = openGraph(files.recognition);
    this.#classification = files.classification === undefined ? undefined : openGraph(files.classification);
    this.#dictionary = files.dictionary;
    this.engine = this.#detection.engine;
    this.threads = this.#detection.threads;
    for (const graph of this.#graphs()) onlyInput(graph);
  }

  /** The lines of a picture whose sides are multiples of 32. */
  findRegions(picture: Picture): TextRegion[] {
    const { width, height } = picture;
    const [map] = this.#detection.run([
      floatTensor(onlyInput(this.#detection).name, [1, 3, height, width], detectionPlanes(picture)),
    ]);
    const values = floatsOf(map);
    if (values.length !== width * height)
      throw new PlinthError({
        code: 'engine_failed',
        message: `The detector gave a map of [${map?.shape.join(', ') ?? ''}] for ${width} × ${height}.`,
      });
    return findRegions({ values, width, height } satisfies TextMap);
  }

  /** The same lines, none on its head. */
  turnUpright(lines: readonly Picture[]): Picture[] {
    const graph = this.#classification;
    if (graph === undefined || lines.length === 0) return [...lines];
    const input = this.#lineTensor(lines, { graph, width: TURN_WIDTH });
    const scores = floatsOf(graph.run([input])[0]);
    return lines.map((line, row) => (isTurned(scores, row) ? turnHalf(line) : line));
  }

  /** Lines of about the same shape: the widest decides the width of the batch. */
  readLines(lines: readonly Picture[]): ReadLine[] {
    if (lines.length === 0) return [];
    const width = chooseLineWidth(lines);
    const [output] = this.#recognition.run([this.#lineTensor(lines, { graph: this.#recognition, width })]);
    const [, steps = 0, classes = 0] = output?.shape ?? [];
    const values = floatsOf(output);
    const alphabet = (this.#alphabet ??= readAlphabet(this.#dictionary, classes));
    return lines.map((_, row) =>
      readCharacters({ values: values.subarray(row * steps * classes, (row + 1) * steps * classes), steps, classes }, alphabet),
    );
  }

  close(): void {
    for (const graph of this.#graphs()) graph.close();
  }

  #graphs(): readonly LoadedGraph[] {
    return [this.#detection, this.#recognition, ...(this.#classification === undefined ? [] : [this.#classification])];
  }

  #lineTensor(lines: readonly Picture[], { graph, width }: { readonly graph: LoadedGraph; readonly width: number }) {
    return floatTensor(onlyInput(graph).name, [lines.length, 3, LINE_HEIGHT, width], linePlanes(lines, width));
  }
}

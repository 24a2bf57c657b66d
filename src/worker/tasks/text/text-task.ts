import { setImmediate as nextTurn } from 'node:timers/promises';
import { errorFactsOf, PlinthError } from '../../../core/errors/index.ts';
import type { InferenceEvent, InferenceRequest } from '../../../core/inference/index.ts';
import type { ModelFacts } from '../../../core/models/index.ts';
import type { ItemOutcome, RequestLife, StepReport, Task } from '../../task.ts';
import type { TextGraph, TextOutput } from './text-graph.ts';
import type { EncodedText, TextTokenizer } from './text-tokenizer.ts';
import type { PlannedText, RowOutput, TextItem, TextWork } from './text-work.ts';

const MOST_ROWS = 256;
/** A request of more texts is tokenised piece by piece, so that batches of others go on between the pieces. */
const PIECE = 16;

export interface TextTaskOptions {
  readonly model: string;
  readonly graph: TextGraph;
  readonly tokenizer: TextTokenizer;
  readonly work: TextWork;
  /** Complete but for what the work knows. */
  readonly facts: Omit<ModelFacts, 'capabilities' | 'embeddingDimensions'>;
  readonly vocabularySize: number;
  /** Tokens of a batch, padding included. */
  readonly batchTokens: number;
}

/** A model that reads texts, in batches whose rows are padded to the longest. */
export class TextTask implements Task<TextItem> {
  readonly facts: ModelFacts;
  readonly maxBatchRows: number;
  readonly maxBatchCost: number;
  readonly threads: number;
  readonly #options: TextTaskOptions;

  constructor(options: TextTaskOptions) {
    const { work, graph } = options;
    this.#options = options;
    this.facts = { ...options.facts, capabilities: work.capabilities, embeddingDimensions: work.embeddingDimensions };
    this.threads = graph.graph.threads;
    this.maxBatchRows = graph.fixedRows ?? MOST_ROWS;
    this.maxBatchCost = options.batchTokens;
  }

  prepare(request: InferenceRequest, life?: RequestLife): readonly TextItem[] | Promise<readonly TextItem[]> {
    const planned = this.#options.work.plan(request);
    if (planned.length > PIECE) return this.#prepareSlowly(request, planned, life);
    return planned.map((text, index) => this.#toItem(request, text, index));
  }

  execute(items: readonly TextItem[]): StepReport {
    const { graph } = this.#options;
    const output = graph.run(items.map((item) => item.encoded));
    const startedAt = performance.now();
    const outcomes = items.map((item, row) => this.#answer(item, rowOf(output, row)));
    const { inputMs, inferMs } = output;
    return { outcomes, inputMs, inferMs, outputMs: performance.now() - startedAt };
  }

  conclude(request: InferenceRequest, items: readonly TextItem[]): readonly InferenceEvent[] {
    return this.#options.work.conclude(request, items);
  }

  probe(): InferenceRequest {
    return this.#options.work.probe(this.#options.model);
  }

  close(): void {
    this.#options.graph.close();
  }

  async #prepareSlowly(
    request: InferenceRequest,
    planned: readonly PlannedText[],
    life: RequestLife | undefined,
  ): Promise<readonly TextItem[]> {
    const items: TextItem[] = [];
    for (const [index, text] of planned.entries()) {
      if (index > 0 && index % PIECE === 0) await nextTurn();
      if (life?.isEnded) return items;
      items.push(this.#toItem(request, text, index));
    }
    return items;
  }

  #toItem(request: InferenceRequest, text: PlannedText, index: number): TextItem {
    const encoded = this.#encode(text);
    const tokens = encoded.ids.length;
    const rowCost = this.#options.graph.fixedTokens ?? tokens;
    return { shapeClass: 'text', rows: 1, rowCost, promptTokens: tokens, index, encoded, request };
  }

  #encode({ content, param, overlong }: PlannedText): EncodedText {
    const { tokenizer } = this.#options;
    if (content.type === 'tokens') return this.#checkTokens(content.tokens, { param, overlong });
    const { encoded, isWhole } =
      content.type === 'text' ? tokenizer.encode(content.text) : tokenizer.encodePair(content.first, content.second);
    if (!isWhole && overlong === 'refuse') throw this.#tooLong(param);
    return encoded;
  }

  /** Taken as they are: whoever sends ids has put the special ones where they belong. */
  #checkTokens(tokens: readonly number[], { param, overlong }: Pick<PlannedText, 'param' | 'overlong'>): EncodedText {
    const { vocabularySize, facts } = this.#options;
    const foreign = tokens.findIndex((token) => token < 0 || token >= vocabularySize);
    if (foreign >= 0) {
      const message = `'${param}[${foreign}]' must be a token id from 0 to ${vocabularySize - 1}, but ${tokens[foreign]} came.`;
      throw new PlinthError({ code: 'invalid_request', message, param: `${param}[${foreign}]` });
    }
    if (tokens.length > facts.contextTokens && overlong === 'refuse') throw this.#tooLong(param);
    const ids = tokens.slice(0, facts.contextTokens);
    return { ids, typeIds: ids.map(() => 0) };
  }

  #answer(item: TextItem, row: RowOutput): ItemOutcome {
    try {
      return { type: 'finished', events: this.#options.work.answer(item, row) };
    } catch (error) {
      return { type: 'failed', error: errorFactsOf(error) };
    }
  }

  #tooLong(param: string): PlinthError {
    const { contextTokens } = this.#options.facts;
    const message = `This model reads at most ${contextTokens} tokens, but '${param}' has more.`;
    return new PlinthError({ code: 'context_length_exceeded', message, param });
  }
}

function rowOf({ shape, values }: TextOutput, row: number): RowOutput {
  const width = shape.at(-1) ?? 0;
  const perRow = shape.slice(1).reduce((product, size) => product * size, 1);
  return { values, offset: row * perRow, width, perToken: shape.length === 3 ? 'yes' : 'no' };
}

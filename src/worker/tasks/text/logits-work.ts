import type { InferenceEvent, InferenceRequest, ScoredClass } from '../../../core/inference/index.ts';
import { PlinthError } from '../../../core/errors/index.ts';
import type { Capability } from '../../../core/models/index.ts';
import {
  refuseKind,
  requireFinite,
  sigmoid,
  type PlannedText,
  type RowOutput,
  type TextItem,
  type TextWork,
} from './text-work.ts';

export interface LogitsWorkOptions {
  /** Logits of a row. */
  readonly classCount: number;
  /** Names by index; those beyond are `LABEL_<index>`, as transformers names them. */
  readonly labels: readonly string[];
  readonly activation: 'softmax' | 'sigmoid';
}

/** Texts, or pairs that are read together, to logits: classes, or with one logit a score. */
export class LogitsWork implements TextWork {
  readonly capabilities: readonly Capability[];
  readonly embeddingDimensions = 0;
  readonly #options: LogitsWorkOptions;

  constructor(options: LogitsWorkOptions) {
    this.#options = options;
    this.capabilities = options.classCount === 1 ? ['score', 'classify'] : ['classify'];
  }

  plan(request: InferenceRequest): readonly PlannedText[] {
    const { overlong } = request.kind === 'score' || request.kind === 'classify' ? request : { overlong: 'refuse' as const };
    if (request.kind === 'score' && this.#options.classCount === 1) {
      return request.pairs.map((pair) => ({ content: { type: 'pair', ...pair }, param: 'input', overlong }));
    }
    if (request.kind !== 'classify') return refuseKind(request, this.capabilities);
    return request.inputs.map(({ text, pair }) => ({
      content: pair === undefined ? { type: 'text', text } : { type: 'pair', first: text, second: pair },
      param: 'input',
      overlong,
    }));
  }

  answer({ request, index }: TextItem, { values, offset, width, perToken }: RowOutput): readonly InferenceEvent[] {
    const { classCount } = this.#options;
    if (perToken === 'yes' || width !== classCount)
      throw new PlinthError({ code: 'engine_failed', message: `The model gave ${width} logits, expected ${classCount}.` });
    const logits = requireFinite(values.slice(offset, offset + width));
    const scale = request.kind === 'score' || request.kind === 'classify' ? request.scale : 'logit';
    if (request.kind === 'score') {
      const logit = logits[0] as number;
      return [{ type: 'score', index, score: scale === 'logit' ? logit : sigmoid(logit), by: 'cross-encoder' }];
    }
    return [{ type: 'classification', index, classes: this.#rank(scale === 'logit' ? logits : this.#activate(logits)) }];
  }

  conclude(): readonly InferenceEvent[] {
    return [];
  }

  probe(model: string): InferenceRequest {
    return {
      kind: 'classify',
      id: 'probe',
      model,
      inputs: [{ text: 'probe' }],
      scale: 'logit',
      overlong: 'cut',
      timeLeftMs: 60_000,
    };
  }

  #activate(logits: Float32Array): Float32Array {
    if (this.#options.activation === 'sigmoid') return logits.map(sigmoid);
    const most = Math.max(...logits);
    const powers = logits.map((logit) => Math.exp(logit - most));
    const sum = powers.reduce((total, power) => total + power, 0);
    return powers.map((power) => power / sum);
  }

  #rank(scores: Float32Array): readonly ScoredClass[] {
    const { labels } = this.#options;
    const classes = Array.from(scores, (score, classIndex) => {
      return { classIndex, label: labels[classIndex] ?? `LABEL_${classIndex}`, score };
    });
    return classes.toSorted((one, other) => other.score - one.score || one.classIndex - other.classIndex);
  }
}

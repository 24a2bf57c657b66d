import { randomBytes, randomInt } from 'node:crypto';
import { PlinthError } from '../../core/errors/index.ts';
import type { EmbedRequest, GenerateRequest, InferenceEvent, Prompt } from '../../core/inference/index.ts';
import { jsonObjectGrammar, jsonSchemaToGrammar, RepeatGuard, toolCallGrammar, ToolCallParser } from '../constraints/index.ts';
import type { Engine } from '../engines/index.ts';
import { ChoiceWriter } from '../output/index.ts';
import { PromptReader, type ReadPrompt } from './read-prompt.ts';
import type { ActiveRequest, RequestSequence } from './active-request.ts';
import { WorkSequence } from './work-sequence.ts';

const SEED_RANGE = 2 ** 32;

/** Turns requests into sequences: reads prompts, compiles grammars, sets up sampling. Throws PlinthError on what cannot be done. */
export class Preparer {
  readonly #engine: Engine;
  readonly #prompts: PromptReader;

  constructor(engine: Engine) {
    this.#engine = engine;
    this.#prompts = new PromptReader(engine);
  }

  prepare(owner: ActiveRequest): RequestSequence[] {
    const { request } = owner;
    if (request.kind === 'generate') return this.#prepareGenerate(owner, request);
    if (request.kind === 'embed') return this.#prepareEmbed(owner, request);
    return this.#refuse(request.kind);
  }

  #prepareGenerate(owner: ActiveRequest, request: GenerateRequest): RequestSequence[] {
    this.#requireCapability(request.prompts.some(({ type }) => type === 'chat') ? 'chat' : 'completion');
    this.#requireKnownTokens(request);
    const grammar = grammarOf(request);
    const seed = request.sampling.seed ?? randomInt(SEED_RANGE - 1);
    return request.prompts.flatMap((prompt, promptIndex) => {
      const read = this.#prompts.readWithStart(prompt, {
        param: promptParam(request, promptIndex),
        toolOptions: request.toolOptions,
        start: request.answerStart,
      });
      let leader: RequestSequence | undefined;
      return Array.from({ length: request.choiceCount }, (_, i) => {
        const choice = promptIndex * request.choiceCount + i;
        const sequence = this.#generation({
          owner,
          request,
          read,
          choice,
          seed: (seed + i) % SEED_RANGE,
          grammar,
          leader,
        });
        leader ??= sequence;
        return sequence;
      });
    });
  }

  /** The gateway does not know how large the vocabulary is. */
  #requireKnownTokens({ sampling }: GenerateRequest): void {
    const { vocabularySize } = this.#engine;
    const foreign = sampling.logitBias.find(([token]) => token >= vocabularySize);
    if (foreign === undefined) return;
    const message = `The keys of 'logit_bias' must be token ids from 0 to ${vocabularySize - 1}, got ${foreign[0]}.`;
    throw new PlinthError({ code: 'invalid_request', message, param: 'logit_bias' });
  }

  #generation(plan: GenerationPlan): RequestSequence {
    const { owner, request, read, choice, seed, grammar, leader } = plan;
    const promptTokens = read.tokens;
    const room = this.#engine.facts.contextTokens - promptTokens.length;
    const emit = (event: InferenceEvent) => owner.emit(event);
    const callsTools = request.toolOptions !== undefined && request.toolOptions.choice.type !== 'none';
    const scoresPrompt = request.echoesPrompt && request.topLogprobs !== undefined;
    const sampler = this.#engine.createSampler({
      parameters: request.sampling,
      seed,
      promptTokens,
      ignoresEnd: request.ignoresEnd ? 'yes' : 'no',
      ...(grammar === undefined ? {} : { grammar }),
    });
    const writer = new ChoiceWriter({
      choice,
      stop: request.stop,
      delivery: owner.delivery,
      emit,
      ...(callsTools ? { toolParser: new RepeatGuard(new ToolCallParser({ createId: newCallId })) } : {}),
    });
    return new WorkSequence({
      owner,
      promptTokens,
      maxNewTokens: Math.min(request.maxTokens ?? room, room),
      outputs: scoresPrompt ? 'all' : 'last',
      echoesFrom: request.answerStart === undefined ? 0 : read.answerStart,
      prefill: 'chunked',
      precision: request.sampling.seed === undefined ? 'fast' : 'exact',
      work: {
        type: 'generate',
        sampler,
        writer,
        echoesPrompt: request.echoesPrompt,
        ignoresEnd: request.ignoresEnd,
        ...(request.topLogprobs === undefined ? {} : { topLogprobs: request.topLogprobs }),
      },
      ...(leader === undefined || scoresPrompt ? {} : { leader }),
    });
  }

  #prepareEmbed(owner: ActiveRequest, request: EmbedRequest): RequestSequence[] {
    this.#requireCapability('embed');
    const { facts, embedding } = this.#engine;
    const { dimensions } = request;
    if (dimensions !== undefined && dimensions > facts.embeddingDimensions) {
      const message = `dimensions must be at most ${facts.embeddingDimensions} for model ${request.model}, got ${dimensions}.`;
      throw new PlinthError({ code: 'invalid_request', message, param: 'dimensions' });
    }
    return request.inputs.map((input, index) => {
      const param = request.inputs.length > 1 ? `input[${index}]` : 'input';
      return new WorkSequence({
        owner,
        promptTokens: this.#prompts.read(input, { param }),
        maxNewTokens: 0,
        outputs: 'all',
        prefill: embedding === 'whole' ? 'whole' : 'chunked',
        precision: 'fast',
        work: {
          type: 'embed',
          index,
          sum: new Float32Array(facts.embeddingDimensions),
          ...(dimensions === undefined ? {} : { dimensions }),
        },
      });
    });
  }

  #requireCapability(capability: 'chat' | 'completion' | 'embed'): void {
    if (!this.#engine.facts.capabilities.includes(capability)) this.#refuse(capability);
  }

  #refuse(capability: string): never {
    const { capabilities } = this.#engine.facts;
    const message = `This model cannot do ${capability}; it can do: ${capabilities.join(', ')}.`;
    throw new PlinthError({ code: 'unsupported_capability', message, param: 'model' });
  }
}

interface GenerationPlan {
  readonly owner: ActiveRequest;
  readonly request: GenerateRequest;
  readonly read: ReadPrompt;
  readonly choice: number;
  readonly seed: number;
  readonly grammar: string | undefined;
  readonly leader: RequestSequence | undefined;
}

function newCallId(): string {
  return `call_${randomBytes(12).toString('hex')}`;
}

/** A forced tool call outweighs a response format; a response format outweighs tools that the model may choose to call. */
function grammarOf({ constraint, toolOptions }: GenerateRequest): string | undefined {
  const choice = toolOptions?.choice.type ?? 'none';
  if (toolOptions !== undefined && (choice === 'required' || choice === 'named')) return toolCallGrammar(toolOptions);
  if (constraint.type === 'json-object') return jsonObjectGrammar();
  if (constraint.type === 'json-schema') return jsonSchemaToGrammar(constraint.schema, { param: constraint.param });
  if (toolOptions !== undefined && choice === 'auto') return toolCallGrammar(toolOptions);
  return undefined;
}

function promptParam(request: GenerateRequest, index: number): string {
  const prompt: Prompt | undefined = request.prompts[index];
  if (prompt?.type === 'chat') return 'messages';
  return request.prompts.length > 1 ? `prompt[${index}]` : 'prompt';
}

import type {
  ChatMessage,
  GenerateRequest,
  InferenceRequest,
  JsonObject,
  JsonValue,
  OutputConstraint,
  Prompt,
  Tensor,
  TensorRequest,
  Tool,
  ToolCall,
} from '../../../core/inference/index.ts';
import { redactText, type RedactedKind } from './redact-text.ts';

/** A request without what could be recognised of persons and secrets, and how often each kind was taken out. */
export interface RedactedRequest {
  readonly request: InferenceRequest;
  readonly counts: Readonly<Partial<Record<RedactedKind, number>>>;
}

/** Deeper JSON is cut off. */
const MOST_DEPTH = 64;

/**
 * The request with every text of the caller redacted: prompts, messages, tool calls, descriptions and values of schemas, pairs,
 * strings of tensors. Undefined for what cannot be redacted: tokens, pictures, sound. Ids of callers go nowhere else with it: the
 * request gets an empty id.
 */
export function redact(request: InferenceRequest): RedactedRequest | undefined {
  const redactor = new Redactor();
  const redacted = redactor.request(request);
  return redacted === undefined ? undefined : { request: redacted, counts: redactor.counts };
}

class Redactor {
  readonly counts: Partial<Record<RedactedKind, number>> = {};

  request(request: InferenceRequest): InferenceRequest | undefined {
    const head = { ...request, id: '' };
    switch (head.kind) {
      case 'generate':
        return this.#generate(head);
      case 'embed': {
        const inputs = head.inputs.flatMap((input) => (input.type === 'text' ? [this.#textPrompt(input)] : []));
        return inputs.length === head.inputs.length ? { ...head, inputs } : undefined;
      }
      case 'score':
        return {
          ...head,
          pairs: head.pairs.map(({ first, second }) => ({ first: this.#text(first), second: this.#text(second) })),
        };
      case 'classify':
        return {
          ...head,
          inputs: head.inputs.map(({ text, pair }) => ({
            text: this.#text(text),
            ...(pair === undefined ? {} : { pair: this.#text(pair) }),
          })),
        };
      case 'tensors':
        return this.#tensors(head);
      case 'recognize':
      case 'transcribe':
        return undefined;
    }
  }

  #text(text: string): string {
    const redacted = redactText(text);
    for (const [kind, count] of Object.entries(redacted.counts)) {
      const known = kind as RedactedKind;
      this.counts[known] = (this.counts[known] ?? 0) + count;
    }
    return redacted.text;
  }

  #generate(request: GenerateRequest): GenerateRequest | undefined {
    const prompts = request.prompts.flatMap((prompt) => this.#prompt(prompt) ?? []);
    if (prompts.length < request.prompts.length) return undefined;
    const { toolOptions, answerStart } = request;
    return {
      ...request,
      prompts,
      stop: request.stop.map((stop) => this.#text(stop)),
      constraint: this.#constraint(request.constraint),
      ...(toolOptions === undefined
        ? {}
        : { toolOptions: { ...toolOptions, tools: toolOptions.tools.map((tool) => this.#tool(tool)) } }),
      ...(answerStart === undefined ? {} : { answerStart: this.#text(answerStart) }),
    };
  }

  #prompt(prompt: Prompt): Prompt | undefined {
    if (prompt.type === 'tokens') return undefined;
    if (prompt.type === 'text') return this.#textPrompt(prompt);
    return { type: 'chat', messages: prompt.messages.map((message) => this.#message(message)) };
  }

  #textPrompt(prompt: Extract<Prompt, { type: 'text' }>): Extract<Prompt, { type: 'text' }> {
    const { text, suffix } = prompt;
    return { type: 'text', text: this.#text(text), ...(suffix === undefined ? {} : { suffix: this.#text(suffix) }) };
  }

  #message(message: ChatMessage): ChatMessage {
    const { content, name, toolCalls } = message;
    return {
      ...message,
      content: this.#text(content),
      ...(name === undefined ? {} : { name: this.#text(name) }),
      ...(toolCalls === undefined ? {} : { toolCalls: toolCalls.map((call) => this.#call(call)) }),
    };
  }

  /** Arguments stay JSON where they were. */
  #call(call: ToolCall): ToolCall {
    const value = parseJson(call.arguments);
    const text = value === undefined ? this.#text(call.arguments) : JSON.stringify(this.#json(value, 0));
    return { ...call, arguments: text };
  }

  #tool(tool: Tool): Tool {
    const { description, parameters } = tool;
    return {
      ...tool,
      ...(description === undefined ? {} : { description: this.#text(description) }),
      ...(parameters === undefined ? {} : { parameters: this.#json(parameters, 0) as JsonObject }),
    };
  }

  #constraint(constraint: OutputConstraint): OutputConstraint {
    return constraint.type === 'json-schema' ? { ...constraint, schema: this.#json(constraint.schema, 0) } : constraint;
  }

  #json(value: JsonValue, depth: number): JsonValue {
    if (typeof value === 'string') return this.#text(value);
    // A number of a card or a phone, where it stands as a number.
    if (typeof value === 'number') return this.#text(String(value)) === String(value) ? value : 0;
    if (typeof value !== 'object' || value === null) return value;
    if (depth >= MOST_DEPTH) return null;
    if (isList(value)) return value.map((item) => this.#json(item, depth + 1));
    return Object.fromEntries(Object.entries(value).map(([key, item]) => [this.#text(key), this.#json(item, depth + 1)]));
  }

  #tensors(request: TensorRequest): TensorRequest | undefined {
    if (request.sequence !== undefined) return undefined;
    const parameters = Object.fromEntries(
      Object.entries(request.parameters).map(([name, value]) => [name, typeof value === 'string' ? this.#text(value) : value]),
    );
    return { ...request, parameters, inputs: request.inputs.map((tensor) => this.#tensor(tensor)) };
  }

  /** Strings of a tensor are texts; what is no text stays as it is. */
  #tensor(tensor: Tensor): Tensor {
    if (tensor.datatype !== 'BYTES') return tensor;
    const { data } = tensor;
    const bytes = Buffer.from(data.buffer, data.byteOffset, data.byteLength);
    const elements: Buffer[] = [];
    for (let at = 0; at + 4 <= bytes.length;) {
      const end = at + 4 + bytes.readUInt32LE(at);
      elements.push(this.#element(bytes.subarray(at + 4, end)));
      at = end;
    }
    return { ...tensor, data: new Uint8Array(Buffer.concat(elements)) };
  }

  #element(bytes: Buffer): Buffer {
    const text = bytes.toString('utf8');
    const isText = Buffer.from(text, 'utf8').equals(bytes);
    const written = isText ? Buffer.from(this.#text(text), 'utf8') : bytes;
    const length = Buffer.alloc(4);
    length.writeUInt32LE(written.length);
    return Buffer.concat([length, written]);
  }
}

function isList(value: JsonValue): value is readonly JsonValue[] {
  return Array.isArray(value);
}

function parseJson(text: string): JsonValue | undefined {
  try {
    return JSON.parse(text) as JsonValue;
  } catch {
    return undefined;
  }
}

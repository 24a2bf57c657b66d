import type { Capability, TensorFacts, TensorPort } from '../../core/models/index.ts';

export interface CurlOptions {
  /** `http://127.0.0.1:8080` */
  readonly url: string;
  readonly model: string;
  readonly capabilities: readonly Capability[];
  readonly tensors?: TensorFacts;
  /** A key, or `$PLINTH_API_KEY` for the shell to fill in. */
  readonly key: string;
  /** The certificate to trust, when the address is https. */
  readonly certFile?: string;
}

/** A first request, fit to be pasted into a shell. */
export function chooseCurl(options: CurlOptions): string {
  const { path, body } = chooseRequest(options);
  const trust = options.certFile === undefined ? '' : ` --cacert ${quote(options.certFile)}`;
  return [
    `curl -N${trust} ${options.url}${path}`,
    `  -H "Authorization: Bearer ${options.key}"`,
    `  -H 'Content-Type: application/json'`,
    `  -d ${quote(JSON.stringify(body))}`,
  ].join(' \\\n');
}

function chooseRequest({ model, capabilities, tensors }: CurlOptions): { path: string; body: object } {
  if (tensors !== undefined && capabilities.every((one) => one === 'tensors'))
    return { path: `/v2/models/${encodeURIComponent(model)}/infer`, body: { inputs: chooseInputs(tensors.config) } };
  if (capabilities.includes('chat')) {
    const messages = [{ role: 'user', content: 'What is the capital of Germany?' }];
    return { path: '/v1/chat/completions', body: { model, stream: true, temperature: 0, messages } };
  }
  if (capabilities.includes('completion'))
    return { path: '/v1/completions', body: { model, stream: true, prompt: 'Once upon a time' } };
  return { path: '/v1/embeddings', body: { model, input: 'The food was delicious.' } };
}

/** One row of zeros; a variable size is 1. */
function chooseInputs({ inputs, maxBatchSize }: TensorFacts['config']): readonly object[] {
  return inputs
    .filter((port) => port.isOptional !== true)
    .map(({ name, datatype, dims }) => {
      const shape = [...(maxBatchSize > 0 ? [1] : []), ...dims.map(Math.abs)];
      const count = Math.min(
        MOST_VALUES,
        shape.reduce((product, size) => product * size, 1),
      );
      return { name, datatype, shape, data: Array.from({ length: count }, () => zeroOf(datatype)) };
    });
}

/** A larger tensor is not for a terminal; the answer then says how much it takes. */
const MOST_VALUES = 64;

function zeroOf(datatype: TensorPort['datatype']): string | number | boolean {
  return datatype === 'BYTES' ? '' : datatype === 'BOOL' ? false : 0;
}

function quote(text: string): string {
  return `'${text.replaceAll("'", `'\\''`)}'`;
}

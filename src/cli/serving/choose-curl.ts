import type { Capability } from '../../core/models/index.ts';

export interface CurlOptions {
  /** `http://127.0.0.1:8080` */
  readonly url: string;
  readonly model: string;
  readonly capabilities: readonly Capability[];
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

function chooseRequest({ model, capabilities }: CurlOptions): { path: string; body: object } {
  if (capabilities.includes('chat')) {
    const messages = [{ role: 'user', content: 'What is the capital of Germany?' }];
    return { path: '/v1/chat/completions', body: { model, stream: true, temperature: 0, messages } };
  }
  if (capabilities.includes('completion'))
    return { path: '/v1/completions', body: { model, stream: true, prompt: 'Once upon a time' } };
  return { path: '/v1/embeddings', body: { model, input: 'The food was delicious.' } };
}

function quote(text: string): string {
  return `'${text.replaceAll("'", `'\\''`)}'`;
}

import { after, before } from 'node:test';
import OpenAI from 'openai';
import { API_KEY, serve, type Served } from './serve.ts';
import { obtainTestModel } from './test-model.ts';

export interface OpenAiFixture {
  readonly client: OpenAI;
  readonly served: Served;
}

/** Serves the default model for a test file and gives it the stock client. */
export function useOpenAi(model: Readonly<Record<string, unknown>> = {}): OpenAiFixture {
  const parts: { client?: OpenAI; served?: Served } = {};
  before(async () => {
    const source = await obtainTestModel();
    parts.served = await serve({ config: { models: [{ name: 'smollm2', source, slots: 8, ...model }] } });
    parts.client = new OpenAI({ baseURL: `${parts.served.url}/v1`, apiKey: API_KEY, maxRetries: 0 });
  });
  after(() => parts.served?.stop());
  const need = <T>(part: T | undefined): T => {
    if (part === undefined) throw new Error('used before the server was started');
    return part;
  };
  return {
    get client() {
      return need(parts.client);
    },
    get served() {
      return need(parts.served);
    },
  };
}

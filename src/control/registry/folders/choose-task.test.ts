import assert from 'node:assert/strict';
import { test } from 'node:test';
import { chooseTask } from './choose-task.ts';

const text = ['model.onnx', 'tokenizer.json'];
const labels = (count: number): Record<string, string> =>
  Object.fromEntries(Array.from({ length: count }, (_, index) => [String(index), `LABEL_${index}`]));

const cases: ReadonlyArray<readonly [task: string, paths: readonly string[], config: unknown]> = [
  ['tensors', ['model.onnx'], undefined],
  ['tensors', text, undefined],
  ['tensors', text, 'no object'],
  ['tensors', text, { architectures: [] }],
  ['tensors', ['model.onnx'], { architectures: ['BertModel'] }],
  ['embed', text, { architectures: ['BertModel'] }],
  ['embed', text, { architectures: ['XLMRobertaModel'] }],
  ['embed', [...text, 'modules.json'], { architectures: ['Strange'] }],
  ['embed', [...text, '1_Pooling/config.json'], undefined],
  ['score', text, { architectures: ['BertForSequenceClassification'], id2label: labels(1) }],
  ['classify', text, { architectures: ['BertForSequenceClassification'], id2label: labels(3) }],
  ['classify', text, { architectures: ['BertForSequenceClassification'] }],
  ['generate', text, { architectures: ['LlamaForCausalLM'] }],
  ['generate', text, { architectures: ['GPT2LMHeadModel'] }],
  ['transcribe', text, { architectures: ['WhisperForConditionalGeneration'] }],
  ['classify-image', ['model.onnx'], { architectures: ['ViTForImageClassification'] }],
  ['detect-objects', ['model.onnx'], { architectures: ['YolosForObjectDetection'] }],
  ['tensors', text, { architectures: ['T5ForConditionalGeneration'] }],
];

for (const [task, paths, config] of cases) {
  test(`${JSON.stringify(config)} with ${paths.join(', ')} is for ${task}`, () => {
    assert.equal(chooseTask(paths, config), task);
  });
}

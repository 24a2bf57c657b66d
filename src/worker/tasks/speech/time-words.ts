import type { Tensor } from '../../../core/inference/index.ts';
import { alignWords, spreadWords, type TimedWord } from './align-words.ts';
import { splitWords } from './split-words.ts';
import type { TokenSegment, WhisperGraphs, WhisperSettings, WhisperVocabulary } from '../whisper/index.ts';

export type TranscriptWords = ReadonlyArray<Pick<TimedWord, 'word' | 'start' | 'end'>>;

interface Model {
  readonly graphs: WhisperGraphs;
  readonly vocabulary: WhisperVocabulary;
  readonly settings: WhisperSettings;
}

export interface SpokenWindow {
  readonly heard: Tensor;
  readonly segments: readonly TokenSegment[];
  readonly positions: number;
  readonly language: string | undefined;
  readonly task: 'transcribe' | 'translate';
}

const SECONDS_A_TIMESTAMP = 0.02;

/** The words of each segment of a window. Where the export keeps its attention to itself, they are spread over their segment by length. */
export function timeWords(model: Model, window: SpokenWindow): readonly TranscriptWords[] {
  const { vocabulary, graphs } = model;
  const { language, segments } = window;
  const bySegment = segments.map(({ tokens }) =>
    splitWords(
      tokens.filter((token) => token < vocabulary.endOfText),
      language,
      (some) => vocabulary.decode(some),
    ),
  );
  const heads = alignmentHeads(model);
  if (heads.length === 0) {
    return segments.map(({ start, end }, index) =>
      spreadWords(bySegment[index] ?? [], start * SECONDS_A_TIMESTAMP, end * SECONDS_A_TIMESTAMP),
    );
  }
  const timed = alignWords(graphs, {
    heard: window.heard,
    start: vocabulary.start(language, window.task),
    noTimestamps: vocabulary.noTimestamps,
    endOfText: vocabulary.endOfText,
    words: bySegment.flat(),
    positions: window.positions,
    heads,
  });
  let from = 0;
  return bySegment.map((words) => timed.slice(from, (from += words.length)));
}

/** The heads that the model names; all of the upper half of its layers when it names none. */
function alignmentHeads({ settings, graphs }: Model): WhisperSettings['alignmentHeads'] & object {
  const given = new Set(graphs.attentionLayers);
  const { decoderLayers, decoderHeads } = settings;
  const upper = Array.from({ length: decoderLayers }, (_, layer) => layer).slice(Math.floor(decoderLayers / 2));
  const named =
    settings.alignmentHeads ??
    upper.flatMap((layer) => Array.from({ length: decoderHeads }, (_, head) => [layer, head] as const));
  return named.filter(([layer]) => given.has(layer));
}

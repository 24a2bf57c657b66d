import { dirname } from 'node:path';
import { PlinthError } from '../../../core/errors/index.ts';
import type { InferenceEvent, InferenceRequest, TranscribeRequest } from '../../../core/inference/index.ts';
import type { ModelFacts, ModelSpec } from '../../../core/models/index.ts';
import type { OpenGraph } from '../../graph.ts';
import { HeldMemory } from '../../held-memory.ts';
import type { ItemOutcome, StepReport, Task } from '../../task.ts';
import { Listener } from '../audio/index.ts';
import { findGraphs, invalidFile, readSettings, WhisperGraphs, WhisperVocabulary, type GraphFiles } from '../whisper/index.ts';
import { toneWav } from './tone-wav.ts';
import { Transcription, type Whisper } from './transcription.ts';

/** Audios that take turns, one window each. */
const MOST_AT_ONCE = 4;
const MOST_SECONDS = 2 * 60 * 60;
const LISTEN_MS = 5 * 60_000;
/** Spectrograms of audios that wait or are under way; one more may be measured while there is room. */
const HELD_BYTES = 512 * 1024 * 1024;

/**
 * Opens a Whisper model: reads the folder's JSON files, loads encoder and decoder. Throws PlinthError `invalid_model_file`.
 */
export function openSpeechTask(spec: ModelSpec, openGraph: OpenGraph): Task<Transcription> {
  const { filePath } = spec;
  const folder = spec.folderPath ?? (filePath === undefined ? undefined : dirname(filePath));
  if (folder === undefined) throw invalidFile('they were expected in a folder');
  const settings = readSettings(folder);
  const vocabulary = new WhisperVocabulary(folder);
  const files = findGraphs(folder, filePath);
  const encoder = openGraph(files.encoder);
  const graphs = new WhisperGraphs(encoder, openGraph(files.decoder));
  return new SpeechTask({ graphs, vocabulary, settings }, files);
}

class SpeechTask implements Task<Transcription> {
  readonly facts: ModelFacts;
  readonly maxBatchRows = MOST_AT_ONCE;
  /** Files are measured one after the other; those that wait for that should be nothing but bytes. */
  readonly mostPreparing = 1;
  readonly threads: number;
  readonly #whisper: Whisper;
  readonly #listener = new Listener(LISTEN_MS);
  readonly #memory = new HeldMemory(HELD_BYTES);

  constructor(whisper: Whisper, files: GraphFiles) {
    const { graphs, vocabulary, settings } = whisper;
    this.#whisper = whisper;
    this.threads = graphs.threads;
    this.facts = {
      architecture: 'whisper',
      parameterCount: settings.parameterCount,
      quantization: files.quantization,
      fileBytes: files.bytes,
      engine: graphs.engine,
      contextTokens: settings.textPositions,
      embeddingDimensions: settings.modelWidth,
      slots: MOST_AT_ONCE,
      capabilities: vocabulary.languages.size > 0 ? ['transcribe', 'translate'] : ['transcribe'],
    };
  }

  async prepare(request: InferenceRequest): Promise<readonly Transcription[]> {
    if (request.kind !== 'transcribe') throw unsupported('A speech model only takes audio.', 'model');
    const language = this.#languageOf(request);
    const { bands } = this.#whisper.settings;
    await this.#memory.room();
    const sound = await this.#listener.listen({ audio: request.audio, bands, mostSeconds: MOST_SECONDS });
    const item = new Transcription({ whisper: this.#whisper, sound, request, language });
    this.#memory.hold(item, item.heldBytes);
    return [item];
  }

  execute(items: readonly Transcription[]): StepReport {
    const startedMs = performance.now();
    const outcomes = items.map((item) => this.#step(item));
    return { outcomes, inputMs: 0, inferMs: performance.now() - startedMs, outputMs: 0 };
  }

  abandon(item: Transcription): void {
    this.#memory.release(item);
  }

  conclude(_request: InferenceRequest, [item]: readonly Transcription[]): readonly InferenceEvent[] {
    if (item === undefined) return [];
    return [{ type: 'transcript-report', language: item.language ?? 'en', durationSeconds: item.seconds }];
  }

  probe(): InferenceRequest {
    return {
      kind: 'transcribe',
      id: 'probe',
      model: 'probe',
      timeLeftMs: 60_000,
      audio: toneWav(1),
      task: 'transcribe',
      language: 'en',
      // Nothing is tried again at other temperatures.
      temperature: 0.01,
      timestamps: 'none',
    };
  }

  close(): void {
    this.#listener.close();
    this.#whisper.graphs.close();
  }

  #step(item: Transcription): ItemOutcome {
    try {
      const outcome = item.step();
      if (outcome.type === 'finished') this.#memory.release(item);
      return outcome;
    } catch (thrown) {
      if (!(thrown instanceof PlinthError)) throw thrown;
      this.#memory.release(item);
      return { type: 'failed', error: thrown.facts };
    }
  }

  /** The language as the model writes it; `en-GB` is `en`. */
  #languageOf({ language, task }: TranscribeRequest): string | undefined {
    const { languages } = this.#whisper.vocabulary;
    const isEnglishOnly = languages.size === 0;
    if (isEnglishOnly && task === 'translate') throw unsupported('The model knows English only and cannot translate.', 'model');
    if (language === undefined) return isEnglishOnly ? 'en' : undefined;
    const code = language.toLowerCase().split(/[-_]/)[0] ?? '';
    if (isEnglishOnly ? code === 'en' : languages.has(code)) return code;
    const known = isEnglishOnly ? 'en' : [...languages.keys()].toSorted().join(', ');
    throw new PlinthError({
      code: 'invalid_request',
      message: `The model does not know the language '${language.slice(0, 40)}'. Known are: ${known}.`,
      param: 'language',
    });
  }
}

function unsupported(message: string, param: string): PlinthError {
  return new PlinthError({ code: 'unsupported_capability', message, param });
}

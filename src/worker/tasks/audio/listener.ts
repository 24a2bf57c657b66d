import { extname } from 'node:path';
import { Worker } from 'node:worker_threads';
import { PlinthError, type ErrorFacts } from '../../../core/errors/index.ts';
import type { Sound, SoundRequest } from './measure-sound.ts';
import { unreadableAudio } from './sound-block.ts';

const THREAD = new URL(`./listen-thread${extname(import.meta.url)}`, import.meta.url);
const HEAP_MEGABYTES = 512;

interface Reply {
  readonly sound?: Sound;
  readonly error?: ErrorFacts;
}

/** Measures files one after the other, each in a thread that is ended when it takes too long. */
export class Listener {
  readonly #timeoutMs: number;
  #last: Promise<unknown> = Promise.resolve();
  #running: Worker | undefined;
  #isClosed = false;

  /** `timeoutMs` is the most that one file may take. */
  constructor(timeoutMs: number) {
    this.#timeoutMs = timeoutMs;
  }

  /** Throws `invalid_request` for a file that cannot be read. The bytes are copied. */
  listen(request: SoundRequest): Promise<Sound> {
    const turn = this.#last.then(() => this.#listen(request));
    this.#last = turn.catch(() => undefined);
    return turn;
  }

  close(): void {
    this.#isClosed = true;
    void this.#running?.terminate();
  }

  #listen(request: SoundRequest): Promise<Sound> {
    if (this.#isClosed) throw new PlinthError({ code: 'engine_failed', message: 'The model is being unloaded.' });
    const audio = new Uint8Array(request.audio);
    const thread = new Worker(THREAD, {
      workerData: { ...request, audio },
      transferList: [audio.buffer],
      // Decoders write their complaints there.
      stdout: true,
      stderr: true,
      env: {},
      resourceLimits: { maxOldGenerationSizeMb: HEAP_MEGABYTES },
    });
    this.#running = thread;
    return this.#replyOf(thread).finally(() => {
      this.#running = undefined;
      void thread.terminate();
    });
  }

  #replyOf(thread: Worker): Promise<Sound> {
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => reject(unreadableAudio('decoding it takes too long')), this.#timeoutMs);
      thread.once('message', ({ sound, error }: Reply) => {
        if (sound === undefined) reject(new PlinthError(error ?? unreadableAudio('no reason given').facts));
        else resolve(sound);
      });
      thread.once('error', () => reject(unreadableAudio('its decoder failed')));
      thread.once('exit', () => {
        clearTimeout(timer);
        reject(unreadableAudio('its decoder ended early'));
      });
    });
  }
}

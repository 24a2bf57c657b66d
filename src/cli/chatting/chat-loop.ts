import { createInterface, type Interface } from 'node:readline';
import type { Answer, AskOptions } from './conversation.ts';

export interface ChatLoopOptions {
  readonly input: NodeJS.ReadableStream;
  readonly output: NodeJS.WritableStream;
  readonly write: (text: string) => void;
  readonly ask: (question: string, options: AskOptions) => Promise<Answer>;
  readonly forget: () => void;
  readonly describeError: (error: unknown) => string;
}

const HELP = 'Enter sends. Ctrl-C stops an answer. /clear starts over. Ctrl-D, or Ctrl-C twice, leaves.\n';

/** Question and answer on a terminal until the user leaves. */
export async function runChatLoop(options: ChatLoopOptions): Promise<void> {
  const { input, output, write } = options;
  const lines = createInterface({ input, output, prompt: '> ' });
  const keyboard = new Keyboard(lines, write);
  write(HELP);
  lines.prompt();
  for await (const line of lines) {
    const question = line.trim();
    keyboard.isLeaving = false;
    if (question === '/exit' || question === '/bye') break;
    if (question === '/clear') options.forget();
    else if (question === '/help' || question === '/?') write(HELP);
    else if (question !== '') await answerQuestion(question, keyboard, options);
    lines.prompt();
  }
  lines.close();
  write('\n');
}

async function answerQuestion(
  question: string,
  keyboard: Keyboard,
  { ask, write, describeError }: ChatLoopOptions,
): Promise<void> {
  const answering = new AbortController();
  keyboard.answering = answering;
  try {
    await ask(question, { signal: answering.signal, onText: write });
    write('\n\n');
  } catch (error) {
    write(`${describeError(error)}\n`);
  } finally {
    keyboard.answering = undefined;
  }
}

/** What Ctrl-C means right now. */
class Keyboard {
  answering: AbortController | undefined;
  isLeaving = false;

  constructor(lines: Interface, write: (text: string) => void) {
    lines.on('SIGINT', () => {
      if (this.answering !== undefined) {
        this.answering.abort();
        return;
      }
      if (this.isLeaving) {
        lines.close();
        return;
      }
      this.isLeaving = true;
      write('\n(Ctrl-C again, or Ctrl-D, leaves)\n');
      // Forgets what was typed: the line would else be sent with the next one.
      lines.write(null, { ctrl: true, name: 'u' });
      lines.prompt();
    });
  }
}

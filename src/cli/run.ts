import { InvalidArgumentError, type Command } from 'commander';
import type { Config } from '../core/config/index.ts';
import { createLogger } from '../core/telemetry/index.ts';
import { Conversation, runChatLoop, type Answer, type ChatOptions } from './chatting/index.ts';
import { addConfigFlags, readConfig } from './config-flags.ts';
import { findServing, openHome, requestLocal, resolveModelArgument, type RunningServe } from './local/index.ts';
import { choosePrivateConfig, openRooms, reportStart } from './serving/index.ts';
import { cleanPiece, describeFailure, openStatusLine, usageError, writeJson, type Shell } from './terminal/index.ts';

type RunOptions = Omit<ChatOptions, 'model'> & { readonly json?: true };

/** Small models ramble at the protocol's default of 1. */
const CHAT_TEMPERATURE = 0.3;

/** `plinth run [model] [prompt…]` */
export function registerRun(program: Command, shell: Shell): void {
  const run = program
    .command('run')
    .description('chat with a model, or ask it one thing')
    .argument('[model]', 'catalog name, path or source reference (default: what is being served, else what is configured)')
    .argument('[prompt...]', 'ask this and leave; a prompt may also come through a pipe')
    .option('--system <text>', 'system message')
    .option('--temperature <n>', 'from 0 (always the likeliest word) to 2', parseNumber, CHAT_TEMPERATURE)
    .option('--max-tokens <n>', 'longest answer', parseNumber)
    .option('--seed <n>', 'the same seed gives the same answer', parseNumber)
    .option('--json', 'the answer as one JSON object');
  addConfigFlags(run, ['home', 'engine.contextTokens', 'engine.threads', 'engine.gpuLayers']);
  run.action(async (model: string | undefined, words: string[], options: RunOptions) => {
    const { config } = readConfig(run, shell);
    const prompt = await readPrompt(words, shell);
    const found = await findOrStart({ config, shell, ...(model === undefined ? {} : { given: model }) });
    try {
      const { system, temperature, maxTokens, seed } = options;
      const conversation = new Conversation(
        { ...present({ system, temperature, maxTokens, seed }), model: found.model },
        (body, signal) => requestLocal({ running: found, port: 'inference', path: '/v1/chat/completions', body, signal }),
      );
      if (prompt === undefined) await chat(conversation, shell);
      else await askOnce(conversation, prompt, { shell, isJson: options.json === true });
    } finally {
      await found.end();
    }
  });
}

type Found = RunningServe & { readonly model: string; end(): Promise<void> };

interface Search {
  readonly config: Config;
  readonly shell: Shell;
  readonly given?: string;
}

/** A serve that runs already and offers the model, else one of our own on free ports. */
async function findOrStart({ config, shell, given }: Search): Promise<Found> {
  const running = await findServing(config.home, given);
  if (running !== undefined) return { ...running, end: () => Promise.resolve() };
  const [first] = config.models;
  const configured = typeof first === 'string' ? first : first?.name;
  return startPrivately(choosePrivateConfig(config, resolveModelArgument(given ?? configured ?? '', shell.env)), shell);
}

async function startPrivately(config: Config, shell: Shell): Promise<Found> {
  const logger = createLogger({ level: 'silent' });
  const status = openStatusLine(shell.err);
  const home = await openHome({ config, env: shell.env, logger });
  const rooms = await openRooms({ config, logger, ...home, observer: reportStart(status), onDrainRequested: () => undefined });
  const { control, gateway, token } = rooms;
  // An exit by any road takes the replica along.
  process.on('exit', rooms.killReplicas);
  for (const signal of ['SIGTERM', 'SIGHUP'] as const) process.once(signal, () => process.exit(1));
  const interrupt = () => process.exit(130);
  process.once('SIGINT', interrupt);
  const [model = ''] = control.modelNames;
  try {
    await control.whenReady(model);
  } catch (error) {
    await rooms.drain(0);
    throw error;
  } finally {
    status.clear();
    process.off('SIGINT', interrupt);
  }
  const end = async () => {
    await rooms.drain(0);
    await home.close();
  };
  return { pid: process.pid, url: gateway.url, managementUrl: control.managementUrl, token, model, end };
}

/** The arguments, what a pipe holds, or both; nothing means a conversation. */
async function readPrompt(words: readonly string[], { input }: Shell): Promise<string | undefined> {
  const parts = words.length === 0 ? [] : [words.join(' ')];
  if (input.isTTY !== true) {
    const chunks: Buffer[] = [];
    for await (const chunk of input) if (Buffer.isBuffer(chunk)) chunks.push(chunk);
    const piped = Buffer.concat(chunks).toString('utf8').trim();
    if (piped !== '') parts.push(piped);
    if (parts.length === 0) throw usageError('a prompt is needed: as an argument after the model, or through the pipe');
  }
  return parts.length === 0 ? undefined : parts.join('\n\n');
}

async function askOnce(conversation: Conversation, prompt: string, output: { shell: Shell; isJson: boolean }): Promise<void> {
  const { shell, isJson } = output;
  const interruption = new AbortController();
  const interrupt = () => interruption.abort();
  process.on('SIGINT', interrupt);
  const onText = (text: string) => shell.out.write(isJson ? '' : cleanPiece(text));
  const answer = await conversation.ask(prompt, { signal: interruption.signal, onText });
  process.off('SIGINT', interrupt);
  if (isJson) writeJson(shell, describeAnswer(answer));
  else shell.out.write('\n');
  if (answer.finishReason === 'interrupted') process.exitCode = 130;
}

function describeAnswer({ text, finishReason, usage }: Answer): object {
  return { text, finish_reason: finishReason, usage: usage ?? null };
}

async function chat(conversation: Conversation, shell: Shell): Promise<void> {
  await runChatLoop({
    input: shell.input,
    output: process.stdout,
    write: (text) => shell.out.write(cleanPiece(text)),
    ask: (question, options) => conversation.ask(question, options),
    forget: () => conversation.forget(),
    describeError: describeFailure,
  });
}

function parseNumber(text: string): number {
  const value = Number(text);
  if (text.trim() === '' || !Number.isFinite(value)) throw new InvalidArgumentError('expected a number');
  return value;
}

/** Without the fields that are undefined. */
function present<T extends object>(given: T): { [K in keyof T]?: Exclude<T[K], undefined> } {
  return Object.fromEntries(Object.entries(given).filter(([, value]) => value !== undefined)) as {
    [K in keyof T]?: Exclude<T[K], undefined>;
  };
}

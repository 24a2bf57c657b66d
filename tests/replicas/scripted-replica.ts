/** A replica's process without an engine: the name of the model that it is told to load says how it misbehaves. */
import { createInterface } from 'node:readline';
import { createServer } from 'node:net';
import type { FromReplica, ReplicaProgress, ToReplica } from '../../src/core/messages/index.ts';
import type { ModelFacts } from '../../src/core/models/index.ts';

let script = '';
let steps = 0;
let answered = 0;
const ballast: Buffer[] = [];

function send(message: FromReplica): void {
  process.stdout.write(`${JSON.stringify(message)}\n`);
}

function load(name: string, socketPath: string): void {
  script = name;
  if (script === 'dies-loading') process.exit(3);
  if (script === 'never-loads') return;
  if (script === 'refuses')
    return send({ type: 'load-failed', error: { code: 'invalid_model_file', message: 'The file is not a model.' } });
  if (script === 'ignores-the-end') process.on('SIGTERM', () => undefined);
  if (script === 'chatters') process.stdout.write('a library says hello\n{"type":"pong"}\n');
  if (script === 'grows') setTimeout(() => ballast.push(Buffer.alloc(400_000_000, 1)), 100);
  createServer().listen(socketPath, () => send({ type: 'loaded', facts: facts() }));
}

function probe(sequence: number): void {
  if (script === 'never-answers') return;
  answered += 1;
  steps += 1;
  send({ type: 'probed', sequence, isAnswered: script !== 'answers-wrong' });
  if (script === 'aborts') setTimeout(() => process.abort(), 100);
}

function progress(): ReplicaProgress {
  const isStuck = script === 'gets-stuck';
  return {
    steps,
    stepMs: 1,
    runningSequences: isStuck ? 1 : 0,
    waitingRequests: 0,
    runnableSequences: isStuck ? 1 : 0,
    generatedTokens: answered,
    promptTokens: 7,
    cachedTokens: 0,
    threads: 1,
    usedContextTokens: 5,
  };
}

function facts(): ModelFacts {
  return {
    architecture: 'scripted',
    parameterCount: 1,
    quantization: 'none',
    fileBytes: 0,
    engine: 'scripted 1',
    contextTokens: 100,
    embeddingDimensions: 0,
    slots: 3,
    capabilities: ['completion'],
  };
}

function receive(message: ToReplica): void {
  if (message.type === 'load') load(message.spec.name, message.socketPath);
  if (message.type === 'probe') probe(message.sequence);
  if (message.type === 'ping') send({ type: 'pong', sequence: message.sequence, progress: progress() });
}

createInterface({ input: process.stdin })
  .on('line', (line) => receive(JSON.parse(line) as ToReplica))
  .on('close', () => {
    if (script === 'ignores-the-end') setInterval(() => undefined, 1_000);
    else process.exit();
  });

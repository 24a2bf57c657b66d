import { mkdirSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { parseArgs } from 'node:util';
import {
  PEERS_FOLDER,
  readProcessCpuSeconds,
  readTreeCpuSeconds,
  REPOSITORY_FOLDER,
  runClient,
  summarizeProfile,
  type ProfileLine,
} from './harness/index.ts';
import { loopReport, streamsReport } from './load/index.ts';
import { startPlinth, targetOf } from './peers/index.ts';

// Where Plinth's own time goes: `node benchmarks/profile-gateway.ts` for B1's load, `--streams` for B2's. It leaves V8 profiles of the
// gateway and the worker in benchmarks/.peers/profiles (to be opened in any profile viewer) and prints the functions that cost most.
const LINES = 30;
const { values } = parseArgs({
  options: { streams: { type: 'boolean', default: false }, seconds: { type: 'string', default: '8' } },
});
const seconds = Number(values.seconds);
const folder = path.join(PEERS_FOLDER, 'profiles');
rmSync(folder, { recursive: true, force: true });
mkdirSync(folder, { recursive: true });

const preload = path.join(REPOSITORY_FOLDER, 'benchmarks/harness/profile-preload.mjs');
const flags = `--import ${preload} --cpu-prof --cpu-prof-interval 400 --cpu-prof-dir=${folder}`;
const replicaProgram = path.join(folder, 'replica-program.sh');
const script = `#!/bin/sh\nexec "${process.execPath}" ${flags} --cpu-prof-name=worker.cpuprofile "$@"\n`;
writeFileSync(replicaProgram, script, { mode: 0o755 });
process.env['BENCHMARK_REPLICA_PROGRAM'] = replicaProgram;

const STEP_MS = 50;
const served = await startPlinth({
  model: { name: 'echo', engine: 'echo', slots: values.streams ? 1_000 : 64, stepMs: values.streams ? STEP_MS : 0 },
  cpus: '0',
  nodeOptions: `${flags} --cpu-prof-name=gateway.cpuprofile`,
});
const { pid } = served.process;
const cpuBefore = { all: readTreeCpuSeconds(pid), gateway: readProcessCpuSeconds(pid) };
const target = targetOf(served, '/v1/chat/completions');
const content = 'The quick brown fox jumps over the lazy dog. '.repeat(40);
const messages = [{ role: 'user', content }];
if (values.streams) {
  const body = JSON.stringify({
    model: 'echo',
    messages,
    max_tokens: (seconds * 1000) / STEP_MS,
    ignore_eos: true,
    stream: true,
  });
  const specification = { target, bodies: Array.from({ length: 1_000 }, () => [body]), rampMs: 2_000, keepsText: false };
  const report = await runClient({ client: 'stream-users.ts', specification, report: streamsReport, cpus: '1' });
  console.log(`${report.records.length} streams in ${report.seconds.toFixed(1)} s`);
} else {
  const body = JSON.stringify({ model: 'echo', messages, max_tokens: 16 });
  const specification = { target, body, connections: 64, seconds };
  const report = await runClient({ client: 'closed-loop.ts', specification, report: loopReport, cpus: '1' });
  console.log(`${(report.requests / report.seconds).toFixed(0)} requests/s under the profiler`);
}
const allSeconds = readTreeCpuSeconds(pid) - cpuBefore.all;
const gatewaySeconds = readProcessCpuSeconds(pid) - cpuBefore.gateway;
console.log(`processor seconds: gateway ${gatewaySeconds.toFixed(2)}, worker ${(allSeconds - gatewaySeconds).toFixed(2)}`);
await served.stop();

function printLines(title: string, lines: readonly ProfileLine[]): void {
  console.log(`  ${title}`);
  for (const { where, share } of lines.slice(0, LINES)) console.log(`${(share * 100).toFixed(1).padStart(6)} %  ${where}`);
}

for (const file of readdirSync(folder).filter((name) => name.endsWith('.cpuprofile'))) {
  const summary = summarizeProfile(path.join(folder, file));
  console.log(`\n${file}: ${summary.busySeconds.toFixed(2)} s busy`);
  printLines('self time by function', summary.functions);
  printLines('by function of our sources, with what it called elsewhere', summary.sources);
}

// Runs the test files under `node --test`: all of them, or those that the arguments name.
//   npm test                                    everything
//   npm test -- src/core                        a folder
//   npm test -- 'src/gateway/**/*.test.ts'      a pattern
//   npm test -- --test-name-pattern=drain       flags go to node
import { spawn } from 'node:child_process';
import { globSync, statSync } from 'node:fs';
import { availableParallelism, constants } from 'node:os';

// The harness of the benchmarks is tested here; benchmarks themselves are run by hand. What they fetched lies in a dot folder.
const EVERYTHING = [
  'src/**/*.test.ts',
  'packages/**/*.test.ts',
  'tests/**/*.test.ts',
  'scripts/**/*.test.ts',
  'benchmarks/[a-z]*/**/*.test.ts',
];
const TEST_TIMEOUT_MS = 300_000;
const MOST_FILES_AT_ONCE = 4;

const given = process.argv.slice(2);
const flags = given.filter((argument) => argument.startsWith('-'));
const patterns = given.filter((argument) => !argument.startsWith('-')).map(patternOf);
const files = globSync(patterns.length > 0 ? patterns : EVERYTHING).toSorted();
if (files.length === 0) {
  console.error(`no test file matches ${patterns.join(' ') || EVERYTHING.join(' ')}`);
  process.exit(1);
}

const child = spawn(
  process.execPath,
  [
    '--test',
    '--test-reporter=spec',
    `--test-timeout=${TEST_TIMEOUT_MS}`,
    `--test-concurrency=${Math.min(availableParallelism(), MOST_FILES_AT_ONCE)}`,
    ...flags,
    ...files,
  ],
  { stdio: 'inherit' },
);
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(signal, () => child.kill(signal));
child.on('error', (error) => {
  console.error(`cannot start the test runner: ${error.message}`);
  process.exit(1);
});
child.on('exit', (code, signal) => process.exit(signal === null ? code : 128 + constants.signals[signal]));

/** A folder stands for the test files in it. */
function patternOf(argument) {
  const stats = statSync(argument, { throwIfNoEntry: false });
  return stats?.isDirectory() ? `${argument.replace(/\/$/, '')}/**/*.test.ts` : argument;
}

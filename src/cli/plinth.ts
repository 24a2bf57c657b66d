#!/usr/bin/env node
import { CommanderError } from 'commander';
import { readFileSync } from 'node:fs';
import { createProgram } from './program.ts';
import { describeFailure, isUsageError, openShell } from './terminal/index.ts';

const FAILED = 1;
const WRONG_USAGE = 2;

const shell = openShell();

try {
  await createProgram(shell, readVersion()).parseAsync(process.argv);
} catch (error) {
  process.exitCode = reportFailure(error);
}

function reportFailure(error: unknown): number {
  // Commander has written its own messages already, and ends help and version in the same way.
  if (error instanceof CommanderError && !isUsageError(error)) return error.exitCode === 0 ? 0 : WRONG_USAGE;
  shell.err.write(`plinth: ${describeFailure(error)}\n`);
  return isUsageError(error) ? WRONG_USAGE : FAILED;
}

function readVersion(): string {
  const manifest: unknown = JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8'));
  return typeof manifest === 'object' && manifest !== null && 'version' in manifest ? String(manifest.version) : 'unknown';
}

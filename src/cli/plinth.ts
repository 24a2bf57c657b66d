#!/usr/bin/env node
import { CommanderError } from 'commander';
import { readFileSync } from 'node:fs';
import { PlinthError } from '../core/errors/index.ts';
import { createProgram } from './program.ts';
import { describeFailure, openShell } from './terminal/index.ts';

const FAILED = 1;
const WRONG_USAGE = 2;

const shell = openShell();

try {
  await createProgram(shell, readVersion()).parseAsync(process.argv);
} catch (error) {
  process.exitCode = reportFailure(error);
}

function reportFailure(error: unknown): number {
  // Commander has written its own message; help and version are no failures.
  if (error instanceof CommanderError && error.code !== 'commander.invalidArgument')
    return error.exitCode === 0 ? 0 : WRONG_USAGE;
  const isUsage = error instanceof CommanderError || (error instanceof PlinthError && error.code === 'invalid_request');
  shell.err.write(`plinth: ${error instanceof CommanderError ? error.message : describeFailure(error)}\n`);
  return isUsage ? WRONG_USAGE : FAILED;
}

function readVersion(): string {
  const manifest: unknown = JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8'));
  return typeof manifest === 'object' && manifest !== null && 'version' in manifest ? String(manifest.version) : 'unknown';
}

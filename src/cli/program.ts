import { readFileSync } from 'node:fs';
import { Command, CommanderError, Help } from 'commander';
import { PlinthError } from '../core/errors/index.ts';
import { registerCompletion } from './completion.ts';
import { registerConfig } from './config.ts';
import { registerDoctor } from './doctor.ts';
import { registerExperiment } from './experiments/index.ts';
import { registerKeys } from './keys.ts';
import { registerModels } from './models.ts';
import { registerPs } from './ps.ts';
import { registerPull } from './pull.ts';
import { registerReceipts } from './receipts/index.ts';
import { registerDeclarations, registerTraffic } from './releasing/index.ts';
import { registerRollout } from './rollouts/index.ts';
import { registerRun } from './run.ts';
import { registerServe } from './serve.ts';
import { describeFailure, isUsageError, openShell, type Shell } from './terminal/index.ts';

const EPILOGUE = `
Every configuration field is also a variable (PLINTH_LIMITS_BODY_BYTES for --limits-body-bytes) and a key of plinth.yaml.
Keys come from the environment only: PLINTH_API_KEY opens the inference port, PLINTH_ADMIN_KEY both ports.
A serve elsewhere is commanded with PLINTH_MANAGEMENT_URL (its management port) and PLINTH_ADMIN_KEY.

Exit status: 0 done; 1 it failed; 2 the command line or the configuration is wrong; 130 interrupted.`;

const FAILED = 1;
const WRONG_USAGE = 2;
const INTERRUPTED = 130;

/** Runs one command line (as `process.argv` holds it) and sets the exit status. */
export async function runProgram(argv: readonly string[]): Promise<void> {
  const shell = openShell();
  try {
    await createProgram(shell, readVersion()).parseAsync(argv);
  } catch (error) {
    process.exitCode = reportFailure(error, shell);
  }
}

function reportFailure(error: unknown, shell: Shell): number {
  // Commander has written its own messages already, and ends help and version in the same way.
  if (error instanceof CommanderError && !isUsageError(error)) return error.exitCode === 0 ? 0 : WRONG_USAGE;
  shell.err.write(`plinth: ${describeFailure(error)}\n`);
  if (isUsageError(error)) return WRONG_USAGE;
  return error instanceof PlinthError && error.code === 'cancelled' ? INTERRUPTED : FAILED;
}

function readVersion(): string {
  const manifest: unknown = JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8'));
  return typeof manifest === 'object' && manifest !== null && 'version' in manifest ? String(manifest.version) : 'unknown';
}

/** The whole command line, ready to parse. Throws CommanderError instead of exiting. */
export function createProgram(shell: Shell, version: string): Command {
  const program = new Command('plinth')
    .description('Serve foundation models: one command, stock OpenAI clients.')
    .version(version, '-V, --version', 'print the version')
    .helpOption('-h, --help', 'print this help')
    .addHelpText('after', EPILOGUE)
    .showHelpAfterError('(plinth --help shows what there is)')
    .enablePositionalOptions()
    // That a command has options goes without saying.
    .configureHelp({ subcommandTerm: (command) => new Help().subcommandTerm(command).replace(' [options]', '') })
    .configureOutput({
      writeOut: (text) => shell.out.write(text),
      writeErr: (text) => shell.err.write(text),
      getOutHelpWidth: () => shell.out.columns,
      getErrHelpWidth: () => shell.err.columns,
    })
    .exitOverride();
  const group = (heading: string, registrations: ReadonlyArray<(program: Command, shell: Shell) => void>) => {
    program.commandsGroup(heading);
    for (const register of registrations) register(program, shell);
  };
  group('Serve:', [registerServe, registerRun, registerPs]);
  group('Models:', [registerPull, registerModels]);
  group('Releases:', [registerTraffic, registerRollout, registerExperiment, registerDeclarations, registerReceipts]);
  group('Operate:', [registerKeys, registerConfig, registerDoctor, registerCompletion]);
  program.helpCommand('help [command]', 'print the help of a command');
  return program;
}

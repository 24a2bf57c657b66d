import { Command } from 'commander';
import { registerCompletion } from './completion.ts';
import { registerConfig } from './config.ts';
import { registerDoctor } from './doctor.ts';
import { registerKeys } from './keys.ts';
import { registerModels } from './models.ts';
import { registerPs } from './ps.ts';
import { registerPull } from './pull.ts';
import { registerRun } from './run.ts';
import { registerServe } from './serve.ts';
import type { Shell } from './terminal/index.ts';

const EPILOGUE = `
Every configuration field is also a variable (PLINTH_LIMITS_BODY_BYTES for --limits-body-bytes) and a key of plinth.yaml.
Keys come from the environment only: PLINTH_API_KEY opens the inference port, PLINTH_ADMIN_KEY both ports.

Exit status: 0 done; 1 it failed; 2 the command line or the configuration is wrong; 130 interrupted.`;

/** The whole command line, ready to parse. Throws CommanderError instead of exiting. */
export function createProgram(shell: Shell, version: string): Command {
  const program = new Command('plinth')
    .description('Serve foundation models: one command, stock OpenAI clients.')
    .version(version, '-V, --version', 'print the version')
    .helpOption('-h, --help', 'print this help')
    .addHelpText('after', EPILOGUE)
    .showHelpAfterError('(plinth --help shows what there is)')
    .enablePositionalOptions()
    .configureOutput({
      writeOut: (text) => shell.out.write(text),
      writeErr: (text) => shell.err.write(text),
      getOutHelpWidth: () => shell.out.columns,
      getErrHelpWidth: () => shell.err.columns,
    })
    .exitOverride();
  registerServe(program, shell);
  registerRun(program, shell);
  registerPull(program, shell);
  registerModels(program, shell);
  registerPs(program, shell);
  registerKeys(program, shell);
  registerConfig(program, shell);
  registerDoctor(program, shell);
  registerCompletion(program, shell);
  return program;
}

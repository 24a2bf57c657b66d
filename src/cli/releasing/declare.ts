import { readFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { Argument, type Command } from 'commander';
import { z } from 'zod';
import { addConfigFlags } from '../config-flags.ts';
import { resolveFileArgument } from '../local/index.ts';
import { cleanLine, usageError, writeJson, type Shell } from '../terminal/index.ts';
import { askControl } from './ask-control.ts';

const planSchema = z.looseObject({
  digest: z.string(),
  steps: z.array(z.looseObject({ words: z.string() })),
  differences: z.array(z.looseObject({ path: z.string(), from: z.unknown().optional(), to: z.unknown().optional() })),
  notes: z.array(z.string()),
});
type Plan = z.infer<typeof planSchema>;
const reportSchema = z.looseObject({ done: z.array(z.looseObject({ words: z.string() })) });

/** `plinth plan|diff|apply <file>` */
export function registerDeclarations(program: Command, shell: Shell): void {
  const plan = declare(program, 'plan', 'what a release file would do, step by step, without doing it');
  plan.action(async (file: string, options: { json?: true }) => {
    const answer = await askControl(plan, shell, { path: '/plinth/v1/plan', body: readDeclared(file, shell) });
    if (options.json) writeJson(shell, answer);
    else writePlan(shell, planSchema.parse(answer));
  });
  const diff = declare(program, 'diff', 'where a release file differs from what is there');
  diff.action(async (file: string, options: { json?: true }) => {
    const found = planSchema.parse(await askControl(diff, shell, { path: '/plinth/v1/plan', body: readDeclared(file, shell) }));
    if (options.json) return writeJson(shell, found.differences);
    for (const { path, from, to } of found.differences) {
      if (from !== undefined)
        shell.out.write(`${shell.out.paint('red', `- ${cleanLine(`${path}: ${JSON.stringify(from)}`)}`)}\n`);
      if (to !== undefined) shell.out.write(`${shell.out.paint('green', `+ ${cleanLine(`${path}: ${JSON.stringify(to)}`)}`)}\n`);
    }
    if (found.differences.length === 0) shell.out.write('No differences.\n');
  });
  const apply = declare(
    program,
    'apply',
    'do what a release file says; with --digest only if its plan is still the one that was shown',
  );
  apply
    .option('--digest <digest>', 'the digest that `plinth plan` printed')
    .action(async (file: string, options: { json?: true; digest?: string }) => {
      const body = { ...readDeclared(file, shell), ...(options.digest !== undefined && { digest: options.digest }) };
      const answer = await askControl(apply, shell, { path: '/plinth/v1/apply', body });
      if (options.json) return writeJson(shell, answer);
      const { done } = reportSchema.parse(answer);
      for (const { words } of done) shell.out.write(`done  ${cleanLine(words)}\n`);
      if (done.length === 0) shell.out.write('Nothing to do.\n');
    });
}

function declare(program: Command, name: string, description: string): Command {
  const command = program
    .command(name)
    .description(description)
    .addArgument(new Argument('<file>', 'a release file: models with their versions, aliases, traffic, rollouts'))
    .option('--json', 'as JSON');
  return addConfigFlags(command, ['home']);
}

/** The text goes as it is: the serve reads and checks it, paths in it count from the file's folder. */
function readDeclared(given: string, shell: Shell): { file: string; folder: string } {
  const file = resolveFileArgument(given, shell.env);
  try {
    return { file: readFileSync(file, 'utf8'), folder: dirname(file) };
  } catch (error) {
    throw usageError(`${file} cannot be read: ${error instanceof Error ? error.message : String(error)}`);
  }
}

function writePlan(shell: Shell, { steps, notes, digest }: Plan): void {
  for (const [i, { words }] of steps.entries()) shell.out.write(`${String(i + 1).padStart(3)}  ${cleanLine(words)}\n`);
  for (const note of notes) shell.out.write(`     ${cleanLine(note)}\n`);
  if (steps.length === 0) shell.out.write('Nothing to do.\n');
  else shell.err.write(`Digest ${digest}; \`plinth apply --digest\` with it does exactly this.\n`);
}

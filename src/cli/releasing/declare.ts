import { readFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { Argument, type Command } from 'commander';
import { addServeFlags, askControl } from '../commanding/index.ts';
import { nameCommand, resolveFileArgument } from '../local/index.ts';
import { cleanLine, usageError, writeHint, writeJson, type Shell } from '../terminal/index.ts';
import { drawDifferences, drawPlan, drawReport, planSchema, reportSchema } from './plan-picture.ts';

interface Options {
  readonly json?: true;
  readonly digest?: string;
}

/** `plinth plan|diff|apply <file>` */
export function registerDeclarations(program: Command, shell: Shell): void {
  registerPlan(program, shell);
  registerDiff(program, shell);
  registerApply(program, shell);
}

function registerPlan(program: Command, shell: Shell): void {
  const plan = declare(program, 'plan', 'what a release file would do, without doing it');
  plan.action(async (file: string, options: Options) => {
    const answer = await askControl(plan, shell, { path: '/plinth/v1/plan', body: readDeclared(file, shell) });
    if (options.json) return writeJson(shell, answer);
    const found = planSchema.parse(answer);
    shell.out.write(drawPlan(found, shell.out));
    if (found.steps.length > 0)
      writeHint(shell, `Next: ${nameCommand(shell.env)} apply ${file} --digest ${found.digest}   does exactly this`);
  });
}

function registerDiff(program: Command, shell: Shell): void {
  const diff = declare(program, 'diff', 'where a release file differs from what is there');
  diff.action(async (file: string, options: Options) => {
    const answer = await askControl(diff, shell, { path: '/plinth/v1/plan', body: readDeclared(file, shell) });
    const { differences } = planSchema.parse(answer);
    if (options.json) writeJson(shell, differences);
    else shell.out.write(drawDifferences(differences, shell.out));
  });
}

function registerApply(program: Command, shell: Shell): void {
  const apply = declare(program, 'apply', 'do what a release file says');
  apply.option('--digest <digest>', 'only if its plan is still the one that `plinth plan` showed');
  apply.action(async (file: string, options: Options) => {
    const { digest } = options;
    const body = { ...readDeclared(file, shell), ...(digest !== undefined && { digest }) };
    try {
      const answer = await askControl(apply, shell, { path: '/plinth/v1/apply', body });
      if (options.json) writeJson(shell, answer);
      else shell.out.write(drawReport(reportSchema.parse(answer), shell.out));
    } catch (error) {
      writePartialReport(error, { shell, json: options.json });
      throw error;
    }
  });
}

/** Where a step fails, those before it have been done; the error itself is told by whoever catches it. */
function writePartialReport(error: unknown, { shell, json }: { readonly shell: Shell; readonly json: true | undefined }): void {
  const report = reportSchema.safeParse(error instanceof Error ? error.cause : undefined);
  if (!report.success) return;
  if (json) writeJson(shell, report.data);
  else shell.out.write(drawReport(report.data, shell.out));
}

function declare(program: Command, name: string, description: string): Command {
  const command = program
    .command(name)
    .description(description)
    .addArgument(new Argument('<file>', 'a release file: models with their versions, aliases, traffic, rollouts'))
    .option('--json', 'as JSON');
  return addServeFlags(command);
}

/** The text goes as it is: the serve reads and checks it, paths in it count from the file's folder. */
function readDeclared(given: string, shell: Shell): { file: string; folder: string } {
  const file = resolveFileArgument(given, shell.env);
  try {
    return { file: readFileSync(file, 'utf8'), folder: dirname(file) };
  } catch (error) {
    throw usageError(`${cleanLine(file)} cannot be read: ${error instanceof Error ? error.message : String(error)}`);
  }
}

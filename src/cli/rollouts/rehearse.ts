import { createInterface } from 'node:readline';
import { Argument, type Command } from 'commander';
import { z } from 'zod';
import { PlinthError } from '../../core/errors/index.ts';
import { addConfigFlags } from '../config-flags.ts';
import { resolveFileArgument } from '../local/index.ts';
import { cleanLine, usageError, writeJson, type Shell } from '../terminal/index.ts';
import { openControl, readMappingFile } from '../releasing/index.ts';
import { verdictSchema } from './rollout-document.ts';
import { drawVerdicts } from './rollout-picture.ts';

const lineSchema = z.looseObject({
  progress: z
    .looseObject({ state: z.string(), version: z.string().optional(), done: z.number().optional(), of: z.number().optional() })
    .optional(),
  report: z.looseObject({ verdict: z.string(), reason: z.string(), verdicts: z.array(verdictSchema) }).optional(),
  error: z.looseObject({ code: z.string(), message: z.string() }).optional(),
});
type Line = z.infer<typeof lineSchema>;
type Report = NonNullable<Line['report']>;

interface Options {
  readonly to: string;
  readonly from?: string;
  readonly requests?: string;
  readonly plan?: string;
  readonly json?: true;
}

/** `plinth rollout rehearse <model> --to <version>` */
export function registerRehearse(rollout: Command, shell: Shell): void {
  const rehearse = rollout
    .command('rehearse')
    .description('run captured requests against a version before it gets any traffic; exit status 1 when a judge fails')
    .addArgument(new Argument('<model>', 'its name'))
    .requiredOption('--to <version>', 'the candidate: a version, or @alias')
    .option('--from <version>', 'the version to compare with (default: the one that answers now)')
    .option('-n, --requests <n>', 'at most so many', '100')
    .option('-f, --plan <file>', 'judges and golden questions as YAML or JSON')
    .option('--json', 'as JSON');
  addConfigFlags(rehearse, ['home']).action(async (model: string, options: Options) => {
    const { to, from, plan } = options;
    const requests = Number(options.requests);
    if (!Number.isInteger(requests) || requests < 1)
      throw usageError(`--requests: '${options.requests}' is no whole number from 1`);
    const body = {
      model,
      to,
      requests,
      ...(from !== undefined && { from }),
      ...(plan !== undefined && { plan: readMappingFile(resolveFileArgument(plan, shell.env)) }),
    };
    const report = await followRehearsal(rehearse, shell, body);
    if (options.json) writeJson(shell, report);
    else
      shell.out.write(`${drawVerdicts(report.verdicts, shell.out)}\n${cleanLine(report.verdict)}: ${cleanLine(report.reason)}\n`);
    if (report.verdict === 'fail') process.exitCode = 1;
  });
}

async function followRehearsal(command: Command, shell: Shell, body: object): Promise<Report> {
  const lines = createInterface({ input: await openControl(command, shell, { path: '/plinth/v1/rehearsals', body }) });
  let shown = -1;
  for await (const text of lines) {
    const line: Line = lineSchema.parse(JSON.parse(text));
    if (line.error !== undefined) throw new PlinthError({ code: 'engine_failed', message: line.error.message });
    if (line.report !== undefined) return line.report;
    const { state, version, done = 0, of: total = 0 } = line.progress ?? {};
    if (state === 'loading') shell.err.write(`version ${cleanLine(version ?? '')} is being loaded\n`);
    const tenth = total === 0 ? shown : Math.floor((10 * done) / total);
    if (tenth !== shown) shell.err.write(`${done} of ${total} requests\n`);
    shown = tenth;
  }
  throw new PlinthError({ code: 'internal_error', message: 'The rehearsal ended without a report.' });
}

import { createInterface } from 'node:readline';
import { Argument, type Command } from 'commander';
import { z } from 'zod';
import { errorTable, PlinthError, type ErrorCode } from '../../core/errors/index.ts';
import { addServeFlags, openControl, readMappingFile, readNumber } from '../commanding/index.ts';
import { nameCommand } from '../local/index.ts';
import { cleanLine, hangText, usageError, writeHint, writeJson, type Shell } from '../terminal/index.ts';
import { describeAgreement } from './agreement-words.ts';
import { agreementSchema, verdictsSchema } from './rollout-document.ts';
import { describeGap, drawVerdicts } from './verdict-table.ts';

const reportSchema = z.looseObject({
  model: z.string(),
  baseline: z.string(),
  candidate: z.string(),
  requests: z.number(),
  compared: z.number(),
  unreadable: z.number(),
  goldenQuestions: z.number(),
  verdict: z.string(),
  reason: z.string(),
  agreement: agreementSchema.optional(),
  verdicts: verdictsSchema,
});
type Report = z.infer<typeof reportSchema>;

const lineSchema = z.looseObject({
  progress: z
    .looseObject({ state: z.string(), version: z.string().optional(), done: z.number().optional(), of: z.number().optional() })
    .optional(),
  report: reportSchema.optional(),
  error: z.looseObject({ code: z.string(), message: z.string() }).optional(),
});
type Line = z.infer<typeof lineSchema>;

interface Options {
  readonly to: string;
  readonly from?: string;
  readonly requests: string;
  readonly plan?: string;
  readonly all?: true;
  readonly json?: true;
}

/** `plinth rollout rehearse <model> --to <version>` */
export function registerRehearse(rollout: Command, shell: Shell): void {
  const rehearse = rollout
    .command('rehearse')
    .description('ask captured requests of a version before callers do')
    .addArgument(new Argument('<model>', 'its name'))
    .requiredOption('--to <version>', 'the candidate: a version, or @alias')
    .option('--from <version>', 'the version to compare with (default: the one that answers now)')
    .option('-n, --requests <n>', 'at most so many', '100')
    .option('-f, --plan <file>', 'judges and golden questions as YAML or JSON')
    .option('-a, --all', 'also the judges that are off, and why they are')
    .option('--json', 'as JSON')
    .addHelpText('after', '\nExit status: 1 when a judge fails.');
  addServeFlags(rehearse).action(async (model: string, options: Options) => {
    const { to, from, plan } = options;
    const requests = readNumber(options.requests, '--requests');
    if (!Number.isInteger(requests) || requests < 1)
      throw usageError(`--requests: '${options.requests}' is no whole number from 1`);
    const body = {
      model,
      to,
      requests,
      ...(from !== undefined && { from }),
      ...(plan !== undefined && { plan: readMappingFile(plan, shell) }),
    };
    const report = await followRehearsal(rehearse, shell, body);
    if (options.json) writeJson(shell, report);
    else writeReport(shell, report, options);
    if (report.verdict === 'fail') process.exitCode = 1;
  });
}

async function followRehearsal(command: Command, shell: Shell, body: object): Promise<Report> {
  const lines = createInterface({ input: await openControl(command, shell, { path: '/plinth/v1/rehearsals', body }) });
  let shown = -1;
  for await (const text of lines) {
    const line: Line = lineSchema.parse(JSON.parse(text));
    if (line.error !== undefined) throw failureOf(line.error);
    if (line.report !== undefined) return line.report;
    const { state, version, done = 0, of: total = 0 } = line.progress ?? {};
    if (state === 'loading') shell.err.write(`Version ${cleanLine(version ?? '')} is being loaded.\n`);
    const tenth = total === 0 ? shown : Math.floor((10 * done) / total);
    if (tenth !== shown) shell.err.write(`${done} of ${total} requests\n`);
    shown = tenth;
  }
  throw new PlinthError({
    code: 'internal_error',
    message: 'The serve broke the rehearsal off without a report; is it still running?',
  });
}

function failureOf({ code, message }: NonNullable<Line['error']>): PlinthError {
  return new PlinthError({ code: Object.hasOwn(errorTable, code) ? (code as ErrorCode) : 'internal_error', message });
}

const WORDS: Readonly<Record<string, string>> = {
  pass: 'no judge objects',
  fail: 'it would be rolled back',
  'not-enough-data': 'there is too little to go by',
};

function writeReport(shell: Shell, report: Report, { all }: Options): void {
  const { model, baseline, candidate, requests, compared, goldenQuestions, unreadable, verdict, verdicts, agreement } = report;
  const { out } = shell;
  const style = verdict === 'fail' ? 'red' : verdict === 'pass' ? 'green' : 'yellow';
  const seen = [
    `${requests} captured requests asked again, ${compared} compared`,
    ...(goldenQuestions > 0 ? [`${goldenQuestions} golden questions`] : []),
    ...(unreadable > 0 ? [`${unreadable} captures could not be read`] : []),
  ];
  const title = `${out.paint('bold', cleanLine(`${model}  ${baseline} → ${candidate}`))}  rehearsal: ${out.paint(style, WORDS[verdict] ?? cleanLine(verdict))}`;
  const failed = verdicts.filter(({ state }) => state === 'fail');
  const causes = failed.map((one) => hangText(`✖ ${one.judge}: `, describeGap(one), out));
  const view = { current: `VERSION ${baseline}`, candidate: `VERSION ${candidate}`, ...(all && { withOff: true as const }) };
  const versions = { from: baseline, to: candidate };
  const same = agreement === undefined ? '' : hangText('Same  ', describeAgreement(agreement, versions), out);
  out.write(
    `${title}\n${hangText('', `${seen.join(', ')}.`, out)}${causes.join('')}\n${drawVerdicts(verdicts, view, out)}${same}`,
  );
  if (verdict === 'pass') writeHint(shell, `Next: ${nameCommand(shell.env)} rollout start ${model} --to ${candidate}`);
}

import { Argument, type Command } from 'commander';
import { stringify } from 'yaml';
import { z } from 'zod';
import { addConfigFlags } from '../config-flags.ts';
import { cleanLine, formatTable, formatTime, writeJson, type Column, type Shell } from '../terminal/index.ts';
import { askControl, pathWith } from './ask-control.ts';

const auditSchema = z.looseObject({
  sequence: z.number(),
  at: z.number(),
  actor: z.string(),
  action: z.string(),
  subject: z.string(),
  detail: z.looseObject({}),
});

/** `plinth why <request-id>` and `plinth audit` */
export function registerReceipts(program: Command, shell: Shell): void {
  const why = program
    .command('why')
    .description('the receipt of one request: which version and replica answered and why, where its time went')
    .addArgument(new Argument('<request-id>', 'the x-request-id of its answer'))
    .option('--json', 'as JSON');
  addConfigFlags(why, ['home']).action(async (id: string, options: { json?: true }) => {
    const receipt = await askControl(why, shell, { path: `/plinth/v1/requests/${encodeURIComponent(id)}` });
    if (options.json) writeJson(shell, receipt);
    else shell.out.write(stringify(receipt).split('\n').map(cleanLine).join('\n'));
  });
  const audit = program
    .command('audit')
    .description('every change of versions, traffic, rollouts and experiments, oldest first')
    .option('--after <n>', 'only entries after this number')
    .option('--most <n>', 'at most so many', '100')
    .option('--json', 'as JSON');
  addConfigFlags(audit, ['home']).action(async (options: { after?: string; most: string; json?: true }) => {
    const answer = await askControl(audit, shell, {
      path: pathWith('/plinth/v1/audit', { after: options.after, most: options.most }),
    });
    if (options.json) return writeJson(shell, answer);
    const { entries } = z.looseObject({ entries: z.array(auditSchema) }).parse(answer);
    shell.out.write(formatTable(entries, COLUMNS, shell.out));
  });
}

const COLUMNS: ReadonlyArray<Column<z.infer<typeof auditSchema>>> = [
  { title: 'NO', align: 'right', value: (entry) => entry.sequence },
  { title: 'WHEN', value: (entry) => formatTime(entry.at) },
  { title: 'WHO', isElastic: true, value: (entry) => entry.actor },
  { title: 'WHAT', value: (entry) => entry.action },
  { title: 'SUBJECT', isElastic: true, value: (entry) => entry.subject },
  { title: 'DETAIL', isElastic: true, isSpare: true, value: (entry) => JSON.stringify(entry.detail) },
];

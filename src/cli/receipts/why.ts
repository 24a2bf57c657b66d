import { Argument, type Command } from 'commander';
import { PlinthError } from '../../core/errors/index.ts';
import { addServeFlags, listServes } from '../commanding/index.ts';
import { fetchLocal } from '../local/index.ts';
import { writeJson, type Shell } from '../terminal/index.ts';
import { receiptSchema } from './receipt-document.ts';
import { drawReceipt } from './receipt-picture.ts';

/** `plinth why <request-id>` */
export function registerWhy(program: Command, shell: Shell): void {
  const why = program
    .command('why')
    .description('who answered a request and why, where its time went')
    .addArgument(new Argument('<request-id>', 'the x-request-id of its answer'))
    .option('--json', 'as JSON');
  addServeFlags(why).action(async (id: string, options: { json?: true }) => {
    const receipt = await findReceipt(why, shell, id);
    if (options.json) writeJson(shell, receipt);
    else shell.out.write(drawReceipt(receiptSchema.parse(receipt), shell.out));
  });
}

/** A receipt lies in the process that answered: where several run, each is asked. */
async function findReceipt(command: Command, shell: Shell, id: string): Promise<unknown> {
  const path = `/plinth/v1/requests/${encodeURIComponent(id)}`;
  let missing: unknown;
  for (const running of listServes(command, shell)) {
    try {
      return await fetchLocal({ running, port: 'management', path });
    } catch (error) {
      if (!(error instanceof PlinthError) || error.code !== 'not_found') throw error;
      missing = error;
    }
  }
  throw missing;
}

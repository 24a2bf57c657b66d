// Everything that can be said of the code without running it: types, lint, format, house rules. Ends with 1 when one fails.
import { delimiter, dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { runChecks } from './checks/run-checks.ts';

const root = dirname(dirname(fileURLToPath(import.meta.url)));
process.env.PATH = [join(root, 'node_modules', '.bin'), process.env.PATH].join(delimiter);

const results = await runChecks(root);
for (const { name, report } of results.filter(({ isPassed }) => !isPassed)) console.log(`── ${name}\n${report}\n`);
for (const { name, isPassed, report, elapsedMs } of results) {
  const outcome = isPassed ? 'passed' : `FAILED, ${report.split('\n').length} lines above`;
  console.log(`${isPassed ? '✔' : '✖'} ${name.padEnd(12)} ${outcome} (${(elapsedMs / 1000).toFixed(1)} s)`);
}
process.exitCode = results.every(({ isPassed }) => isPassed) ? 0 : 1;

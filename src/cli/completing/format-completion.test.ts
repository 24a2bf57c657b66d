import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { test } from 'node:test';
import { Argument, Command } from 'commander';
import { formatCompletion } from './index.ts';

const program = new Command('plinth').description('top');
program
  .command('serve')
  .description('serves')
  .argument('[models...]', 'names, or paths to files')
  .option('--port <n>', 'where')
  .option('--no-secret', 'hidden');
const keys = program.command('keys').description("keys, and what's theirs");
keys.command('create').description('makes one').option('--label <text>', 'what for');
program
  .command('completion')
  .description('this')
  .addArgument(new Argument('<shell>').choices(['bash', 'fish']));

/** What bash offers after these words. */
function complete(...words: string[]): string[] {
  const line = ['plinth', ...words].map((word) => `'${word}'`).join(' ');
  const script = `${formatCompletion(program, 'bash')}\nCOMP_WORDS=(${line}); COMP_CWORD=${words.length}; _plinth; printf '%s\\n' "\${COMPREPLY[@]}"`;
  return execFileSync('bash', ['-c', script])
    .toString()
    .split('\n')
    .filter((word) => word !== '');
}

test('bash completes commands, nested commands, flags and choices', () => {
  assert.deepEqual(complete(''), ['serve', 'keys', 'completion', '--help']);
  assert.deepEqual(complete('se'), ['serve']);
  assert.deepEqual(complete('keys', ''), ['create', '--help']);
  assert.deepEqual(complete('keys', 'create', '--l'), ['--label']);
  assert.deepEqual(complete('completion', 'f'), ['fish']);
  assert.deepEqual(complete('serve', 'x.gguf', '--p'), ['--port']);
});

test('zsh gets every command with its candidates, and files where a model goes', () => {
  const script = formatCompletion(program, 'zsh');
  assert.match(script, /^#compdef plinth\n/);
  assert.match(script, /'keys create'\) candidates=\(--label --help\);;/);
  assert.match(script, /'serve'\) _files;;/);
});

test('fish gets descriptions, with quotes that do not end the string', () => {
  const script = formatCompletion(program, 'fish');
  assert.ok(script.includes(`-a keys -d 'keys, and what\\'s theirs'`));
  assert.ok(
    script.includes(`-n "__fish_seen_subcommand_from keys; and __fish_seen_subcommand_from create" -l label -r -d 'what for'`),
  );
});

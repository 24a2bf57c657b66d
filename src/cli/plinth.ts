#!/usr/bin/env node
// Loads nothing before the version is known to do: an older Node would end in a trace about a module that it lacks.
const [major = 0, minor = 0] = process.versions.node.split('.').map(Number);

if (major > 22 || (major === 22 && minor >= 18)) {
  const { runProgram } = await import('./program.ts');
  await runProgram(process.argv);
} else {
  process.stderr.write(`plinth: Node 22.18 or later is needed, this is ${process.version}\n`);
  process.exitCode = 1;
}

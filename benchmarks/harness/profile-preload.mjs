// Replicas get a clean environment, so NODE_OPTIONS does not reach them: let the supervisor start them through a script that adds the
// profiler's flags and this file. A replica dies of SIGTERM, and a profile is written at a regular exit only. See profile-gateway.ts.
const program = process.env['BENCHMARK_REPLICA_PROGRAM'];
if (program === undefined) process.on('SIGTERM', () => process.exit());
else process.execPath = program;

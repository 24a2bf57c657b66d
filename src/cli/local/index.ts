export { findServing } from './find-serving.ts';
export { nameCommand } from './name-command.ts';
export { fetchLocal, requestLocal, type ServeAddress } from './local-http.ts';
export { openHome, withHome, type Home } from './open-home.ts';
export { readDatabaseUrl } from './read-database-url.ts';
export { resolveFileArgument, resolveModelArgument } from './resolve-model-argument.ts';
export { listRunning, writeRunFile, type RunningServe } from './run-file.ts';

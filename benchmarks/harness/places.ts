import path from 'node:path';

export const REPOSITORY_FOLDER = path.resolve(import.meta.dirname, '../..');
/** What the set-up scripts built; git ignores it. */
export const PEERS_FOLDER = path.join(REPOSITORY_FOLDER, 'benchmarks/.peers');
export const RESULTS_FOLDER = path.join(REPOSITORY_FOLDER, 'benchmarks/results');

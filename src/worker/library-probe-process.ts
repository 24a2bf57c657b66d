import { loadNative } from './engines/llama-library/index.ts';

/**
 * Loads the llama.cpp library, of the folder that is given if one is, and proves its layout, in a process of its own because a wrong
 * library can end it. Prints one JSON line.
 */
const { location, release } = loadNative('best', process.argv[2]);
process.stdout.write(`${JSON.stringify({ ...location, release })}\n`);

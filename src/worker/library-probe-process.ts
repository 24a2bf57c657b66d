import { LIBRARY_RELEASE, loadNative } from './engines/llama-library/index.ts';

/** Loads the llama.cpp library and proves its layout, in a process of its own because a wrong library can end it. Prints one JSON line. */
const { location } = loadNative('best');
process.stdout.write(`${JSON.stringify({ release: LIBRARY_RELEASE, ...location })}\n`);

import { readFile, writeFile } from 'node:fs/promises';

/** The weights are behind the header, which for models of the catalog takes a few megabytes. */
const HEADER_BYTES = 8 * 1024 * 1024;

/**
 * Writes a copy of a model file of which one in `every` bytes of the weights is wrong: it loads and answers as quickly, and talks
 * nonsense.
 */
export async function writeDamagedModel(
  filePath: string,
  options: { readonly to: string; readonly every: number },
): Promise<void> {
  const bytes = await readFile(filePath);
  let state = 1;
  for (let at = HEADER_BYTES; at < bytes.length; at += 1 + (state % (2 * options.every))) {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    bytes[at] = (bytes[at] ?? 0) ^ 0x01;
  }
  await writeFile(options.to, bytes);
}

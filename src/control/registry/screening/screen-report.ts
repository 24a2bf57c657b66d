import type { GgufSummary } from './gguf-summary.ts';

/** What the screening process writes to its standard output. */
export type ScreenReport = { readonly summary: GgufSummary } | { readonly refusal: string };

/** Its exit status when it ended because it grew past its memory limit. */
export const OUT_OF_MEMORY_EXIT = 77;

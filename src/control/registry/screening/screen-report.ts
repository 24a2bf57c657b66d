import type { GgufSummary } from './gguf-summary.ts';

/** What the screening process writes to its standard output. */
export type ScreenReport = { readonly summary: GgufSummary } | { readonly refusal: string };

import { httpsSource } from './https-source.ts';
import { hubSource } from './hub-source.ts';
import { npmSource } from './npm-source.ts';
import { pypiSource } from './pypi-source.ts';
import type { Source } from './source.ts';

/** Every source, by scheme. */
export const sources: readonly Source[] = [hubSource, pypiSource, npmSource, httpsSource];
export type { DownloadTarget, OfferedFile, Source, SourceFolder } from './source.ts';

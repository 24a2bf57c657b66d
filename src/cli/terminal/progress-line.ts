import { formatBytes, formatDuration } from './quantities.ts';

export interface Progress {
  readonly label: string;
  readonly receivedBytes: number;
  /** 0 when unknown. */
  readonly totalBytes: number;
  readonly bytesPerSecond: number;
}

const BAR_WIDTH = 16;

/** `smollm2  ███████░░░░░░░░░  42 %  41.3 MB of 98.4 MB  12.1 MB/s  5 s left`, without the bar on a narrow terminal. */
export function formatProgressBar(progress: Progress, columns: number): string {
  const fraction = fractionOf(progress);
  const bar = progress.totalBytes > 0 ? drawBar(fraction, BAR_WIDTH) : '';
  const words = describeProgress(progress);
  const full = [progress.label, bar, words].filter((part) => part !== '').join('  ');
  const shown = full.length < columns ? full : `${progress.label}  ${words}`;
  return shown.slice(0, Math.max(1, columns - 1));
}

/** `███░░░`: a share between 0 and 1 of so many characters. */
export function drawBar(fraction: number, width: number): string {
  const filled = Math.round(Math.min(Math.max(fraction, 0), 1) * width);
  return `${'█'.repeat(filled)}${'░'.repeat(width - filled)}`;
}

/** `smollm2: 42 %, 41.3 MB of 98.4 MB, 12.1 MB/s, 5 s left` */
export function formatProgressLine(progress: Progress): string {
  return `${progress.label}: ${describeProgress(progress).replaceAll('  ', ', ')}`;
}

export function fractionOf(progress: Progress): number {
  return progress.totalBytes > 0 ? Math.min(1, progress.receivedBytes / progress.totalBytes) : 0;
}

function describeProgress(progress: Progress): string {
  const { receivedBytes, totalBytes, bytesPerSecond } = progress;
  const rate = bytesPerSecond > 0 ? [`${formatBytes(bytesPerSecond)}/s`] : [];
  if (totalBytes <= 0) return [formatBytes(receivedBytes), ...rate].join('  ');
  const left =
    bytesPerSecond > 0 ? [`${formatDuration((1000 * Math.max(0, totalBytes - receivedBytes)) / bytesPerSecond)} left`] : [];
  const percent = `${Math.floor(100 * fractionOf(progress))} %`;
  return [percent, `${formatBytes(receivedBytes)} of ${formatBytes(totalBytes)}`, ...rate, ...left].join('  ');
}

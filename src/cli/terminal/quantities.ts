const BYTE_UNITS = ['B', 'kB', 'MB', 'GB', 'TB'];
const COUNT_UNITS = ['', 'k', 'M', 'B', 'T'];

/** `98.4 MB`, powers of 1000. */
export function formatBytes(bytes: number): string {
  const { value, unit } = scale(bytes, BYTE_UNITS);
  return `${value} ${unit}`;
}

/** `135M`, as model cards write it. */
export function formatCount(count: number): string {
  const { value, unit } = scale(count, COUNT_UNITS);
  return value + unit;
}

/** `5 %`, `0.5 %`, `33.33 %`: a share between 0 and 1. */
export function formatShare(share: number): string {
  return `${Number((100 * share).toPrecision(4))} %`;
}

/** `850 ms`, `4.2 s`, `1 m 05 s`, `2 h 03 m`, `3 d 04 h` */
export function formatDuration(milliseconds: number): string {
  if (milliseconds < 1000) return `${Math.round(milliseconds)} ms`;
  const seconds = milliseconds / 1000;
  if (seconds < 10) return `${seconds.toFixed(1)} s`;
  const whole = Math.round(seconds);
  if (whole < 60) return `${whole} s`;
  if (whole < 3600) return `${Math.floor(whole / 60)} m ${pad(whole % 60)} s`;
  if (whole < 86_400) return `${Math.floor(whole / 3600)} h ${pad(Math.floor((whole % 3600) / 60))} m`;
  return `${Math.floor(whole / 86_400)} d ${pad(Math.floor((whole % 86_400) / 3600))} h`;
}

function pad(value: number): string {
  return String(value).padStart(2, '0');
}

function scale(amount: number, units: readonly string[]): { value: string; unit: string } {
  let value = amount;
  let index = 0;
  while (value >= 999.5 && index < units.length - 1) {
    value /= 1000;
    index++;
  }
  const digits = index === 0 || value >= 99.95 ? 0 : 1;
  return { value: value.toFixed(digits), unit: units[index] ?? '' };
}

/** `2026-11-24 05:40`, local time. */
export function formatTime(unixMs: number): string {
  const time = new Date(unixMs);
  const date = [time.getFullYear(), time.getMonth() + 1, time.getDate()].map(pad).join('-');
  return `${date} ${pad(time.getHours())}:${pad(time.getMinutes())}`;
}

/** `05:40:07`, local time. */
export function formatClock(unixMs: number): string {
  const time = new Date(unixMs);
  return [time.getHours(), time.getMinutes(), time.getSeconds()].map(pad).join(':');
}

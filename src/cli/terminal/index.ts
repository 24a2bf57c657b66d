export { cleanLine, cleanPiece } from './clean-text.ts';
export { describeFailure } from './describe-failure.ts';
export { formatLogLine } from './pretty-log.ts';
export { formatBytes, formatCount, formatDuration, formatTime } from './quantities.ts';
export { openStatusLine, type StatusLine } from './status-line.ts';
export { formatTable, type Column } from './table.ts';
export { type Terminal } from './terminal.ts';
export { openShell, writeJson, type Shell } from './shell.ts';
export { isUsageError, usageError } from './usage-error.ts';

export { createGatherEvidence } from './gather-evidence.ts';
export { createObserve, recordOutput } from './observe.ts';
export { registerNvMetrics } from './nv-metrics.ts';
export { ReceiptBookRing } from './receipt-book.ts';
export { createReportRequest, type FinishedRequest } from './report-request.ts';
export { StatisticsBook } from './statistics-book.ts';

export { createObserve, recordOutput } from './observe.ts';
export { createReportRequest, type FinishedRequest } from './report-request.ts';

export { warmUpRequests } from './capture-library.ts';
export { createCaptureWriter, type CaptureCounts, type CaptureWriter, type CaptureWriterOptions } from './capture-writer.ts';
export { registerRehearsalRoutes, type RehearsalRoutes } from './register-rehearsal-routes.ts';
export type { RehearsalGround, RehearsalReport } from './rehearsal.ts';

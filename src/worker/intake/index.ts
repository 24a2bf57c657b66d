export { openIntake, type Arrival, type Intake, type IntakeReceiver } from './intake.ts';
export type { EventSink } from './event-sink.ts';

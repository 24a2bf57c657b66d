export { SequenceSeats, type SeatChange, type SeatedSequence } from './sequence-seats.ts';
export { WaitingItems, type WaitingPlace } from './waiting-items.ts';
export type { Ticket } from './waiting-line.ts';

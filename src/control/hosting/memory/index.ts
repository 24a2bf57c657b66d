export { chooseMemoryNeed, type MemoryFacts } from './choose-memory-need.ts';
export { chooseRoom, type Neighbour, type RoomChoice, type RoomFacts } from './choose-room.ts';
export { readFreeBytes } from './read-free-bytes.ts';

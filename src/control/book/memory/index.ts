export { BookMirror } from './book-mirror.ts';
export { MemoryFile, type MemoryFileOptions } from './memory-file.ts';
export { MemoryKeeper } from './memory-keeper.ts';
export { rememberedRecords } from './remembered-records.ts';

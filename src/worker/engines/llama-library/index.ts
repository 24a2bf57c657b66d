export { findLibrary, LIBRARY_RELEASE, type LibraryLocation } from './find-library.ts';
export { loadNative, type Native } from './native.ts';
export { TokenData, type BatchStruct, type Pointer } from './structs.ts';

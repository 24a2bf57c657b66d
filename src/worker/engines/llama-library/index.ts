export { LIBRARY_RELEASE } from './find-library.ts';
export { loadNative, type Native } from './native.ts';
export { TokenData, type BatchStruct, type Pointer } from './structs.ts';

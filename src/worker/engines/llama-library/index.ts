export { loadNative, type LoadedLibrary, type Native } from './native.ts';
export { TokenData, type BatchStruct, type Pointer } from './structs.ts';

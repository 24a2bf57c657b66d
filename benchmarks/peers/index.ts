export { startDirect } from './direct.ts';
export { startInfinity, startSentenceTransformers } from './embedding-servers.ts';
export { startLlamaServer, type LlamaServerOptions } from './llama-server.ts';
export { startPlinth, startPlinthRepository, type PlinthOptions, type PlinthRepositoryOptions } from './plinth.ts';
export { startFastapi, startLitellm, type FastapiOptions, type LitellmOptions } from './python.ts';
export { targetOf, type Served } from './served.ts';
export { startSides, type StartedSides, type Starters } from './sides.ts';
export {
  formatIdentityConfig,
  startDirectRpc,
  startMlserver,
  startNaiveOnnx,
  startTriton,
  type IdentityFlags,
  type MlserverOptions,
  type NaiveOnnxOptions,
  type TensorServerOptions,
  type TritonOptions,
} from './tensor-servers.ts';

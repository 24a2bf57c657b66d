export { startDirect } from './direct.ts';
export { startLlamaServer, type LlamaServerOptions } from './llama-server.ts';
export { startPlinth, type PlinthOptions } from './plinth.ts';
export { startFastapi, startLitellm, type FastapiOptions, type LitellmOptions } from './python.ts';
export { targetOf, type Served } from './served.ts';
export { startSides, type StartedSides, type Starters } from './sides.ts';

export { createCache, type CacheOptions } from './cache-responses.ts';

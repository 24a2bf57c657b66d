export { Upstreams, type UpstreamsOptions } from './upstreams.ts';

export { readAddress, type PostgresAddress } from './postgres-address.ts';
export { PostgresLink, type PostgresLinkOptions } from './postgres-link.ts';
export { probePostgres, type PostgresFacts } from './probe-postgres.ts';
export { listenPostgres } from './postgres-listener.ts';

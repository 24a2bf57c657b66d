export { readAddress, type PostgresAddress } from './postgres-address.ts';
export { PostgresLink, type PostgresLinkOptions } from './postgres-link.ts';
export { listenPostgres } from './postgres-listener.ts';

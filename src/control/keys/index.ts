export type { FixedKeys } from './key-check.ts';
export { openKeyring, type KeyFacts, type Keyring, type KeyringOptions, type NewKey } from './keyring.ts';

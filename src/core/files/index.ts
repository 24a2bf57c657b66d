export { hasCode } from './has-code.ts';
export { readOrMakeSecret, type SecretPlace } from './read-or-make-secret.ts';
export { replaceFile, syncFolder } from './replace-file.ts';

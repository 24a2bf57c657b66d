/** The path inside a package, or nothing when it could mean another place: absolute, going up, with empty or unprintable parts. */
export function readMemberPath(path: string): string | undefined {
  const parts = path.split('/');
  const isPlain = parts.every((part) => part !== '' && part !== '.' && part !== '..');
  // oxlint-disable-next-line no-control-regex -- control characters are what is refused
  return isPlain && !/[\\\u0000-\u001f\u007f]/.test(path) ? path : undefined;
}

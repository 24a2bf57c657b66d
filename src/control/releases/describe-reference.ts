/** A reference as it may be shown: what may be secret in an address (user, password, query) is left out. */
export function describeReference(reference: string): string {
  // Addresses of the web are read with any number of slashes, also none, and with backslashes.
  if (/^https?:/i.test(reference)) return reference.replace(/^(https?:)([\\/]*)[^\\/?#]*@/i, '$1$2').replace(/[?#].*$/s, '');
  if (!/^[a-z][a-z0-9+.-]*:\/\//i.test(reference)) return reference;
  return reference.replace(/^([a-z][a-z0-9+.-]*:\/\/)[^/?#]*@/i, '$1').replace(/[?#].*$/s, '');
}

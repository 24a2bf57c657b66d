/** A reference as it may be shown: what may be secret in an address (user, password, query) is left out. */
export function describeReference(reference: string): string {
  if (!/^[a-z][a-z0-9+.-]*:\/\//i.test(reference))
    return /^https?:/i.test(reference) ? reference.replace(/[?#].*$/s, '') : reference;
  return reference.replace(/^([a-z][a-z0-9+.-]*:\/\/)[^/?#]*@/i, '$1').replace(/[?#].*$/s, '');
}

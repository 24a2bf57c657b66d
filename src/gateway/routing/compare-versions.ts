/** Below 0 when `a` is lower. Digits without leading zeros; a number would be too small for the longest of them. */
export function compareVersions(a: string, b: string): number {
  return a.length - b.length || (a < b ? -1 : a > b ? 1 : 0);
}

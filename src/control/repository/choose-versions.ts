import type { VersionPolicy } from './conversion/index.ts';

/** Whether a folder of this name holds a version: a whole number that does not start with 0. */
export function isVersionName(name: string): boolean {
  return /^[1-9]\d{0,14}$/.test(name);
}

/** The versions that a policy serves, of those that are there, highest first. */
export function chooseVersions(policy: VersionPolicy, available: readonly string[]): readonly string[] {
  const versions = available.filter(isVersionName).toSorted((a, b) => Number(b) - Number(a));
  switch (policy.type) {
    case 'all':
      return versions;
    case 'latest':
      return versions.slice(0, policy.count);
    case 'specific':
      return versions.filter((version) => policy.versions.includes(Number(version)));
  }
}

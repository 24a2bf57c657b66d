import type { KeyRecords, ModelRecords, ReleaseRecords } from '../../../core/records/index.ts';
import type { BookMirror } from './book-mirror.ts';

type RememberedRecords = Pick<KeyRecords, 'listKeys' | 'keySecret' | 'keysRevision'> &
  Pick<ModelRecords, 'listModels' | 'findModel'> &
  Pick<ReleaseRecords, 'releasesRevision' | 'readReleases' | 'listVersions'>;

/** The reads that are answered whether the database is there or not. */
export function rememberedRecords(mirror: BookMirror): RememberedRecords {
  return {
    listKeys: async () => (await mirror.current()).keys,
    keySecret: async () => (await mirror.current()).keySecret,
    keysRevision: async () => (await mirror.current()).revisions.keys,
    listModels: async () => (await mirror.current()).models,
    findModel: async (name) => (await mirror.current()).models.find((model) => model.name === name),
    releasesRevision: async () => (await mirror.current()).revisions.releases,
    async readReleases() {
      const { revisions, versions, lines, rollouts, experiments } = await mirror.current();
      return {
        revision: revisions.releases,
        versions: versions.filter(({ removedAt }) => removedAt === undefined),
        lines,
        rollouts,
        experiments,
      };
    },
    listVersions: async (model) => (await mirror.current()).versions.filter((version) => version.model === model),
  };
}

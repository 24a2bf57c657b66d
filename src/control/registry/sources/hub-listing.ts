import { z } from 'zod';
import { downloadHttp, type FileOrigin } from './download-http.ts';
import { readMemberPath } from './member-path.ts';
import type { DownloadTarget, FolderRequest, OfferedFile } from './source.ts';

const MAX_LISTING_BYTES = 16 * 1024 * 1024;

const listingSchema = z.object({
  sha: z.string().regex(/^[0-9a-f]{40}$/),
  siblings: z.array(
    z.object({
      rfilename: z.string(),
      size: z.int().min(0).nullish(),
      lfs: z.object({ sha256: z.string().regex(/^[0-9a-f]{64}$/) }).nullish(),
    }),
  ),
  cardData: z.object({ license: z.unknown() }).nullish(),
});

export interface HubListing {
  readonly commit: string;
  readonly files: readonly OfferedFile[];
  readonly licence?: string;
}

/** What the hub's model API says of a repository at a revision. Large files come with their digests. */
export async function listHubFolder(request: FolderRequest, origin: FileOrigin): Promise<HubListing> {
  const target = new ListingTarget();
  await downloadHttp({ ...request, target }, { ...origin, readSha256: () => undefined });
  const { sha, siblings, cardData } = parseListing(target.text());
  const files = siblings
    .filter((file) => readMemberPath(file.rfilename) !== undefined)
    .map((file) => ({
      path: file.rfilename,
      ...(typeof file.size === 'number' ? { bytes: file.size } : {}),
      ...(file.lfs ? { sha256: file.lfs.sha256 } : {}),
    }));
  const licence = cardData?.license;
  return { commit: sha, files, ...(typeof licence === 'string' && /^[\w.+-]{1,60}$/.test(licence) ? { licence } : {}) };
}

function parseListing(text: string): z.infer<typeof listingSchema> {
  try {
    return listingSchema.parse(JSON.parse(text));
  } catch {
    throw new Error('the hub describes the repository in a way that is not understood');
  }
}

/** Keeps a small answer in memory. */
class ListingTarget implements DownloadTarget {
  readonly heldTag = undefined;
  readonly expectedBytes = undefined;
  readonly expectedSha256 = undefined;
  readonly isResumable = false;
  heldBytes = 0;
  #chunks: Uint8Array[] = [];

  expectSha256(): void {}

  async demandSpace(): Promise<void> {}

  async start(): Promise<void> {
    this.#chunks = [];
    this.heldBytes = 0;
  }

  async write(chunk: Uint8Array): Promise<void> {
    this.heldBytes += chunk.length;
    if (this.heldBytes > MAX_LISTING_BYTES) throw new Error(`the hub's description has more than ${MAX_LISTING_BYTES} bytes`);
    this.#chunks.push(chunk);
  }

  text(): string {
    return Buffer.concat(this.#chunks).toString('utf8');
  }
}

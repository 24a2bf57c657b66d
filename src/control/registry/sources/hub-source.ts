import { downloadHttp, type FileOrigin } from './download-http.ts';
import { listHubFolder } from './hub-listing.ts';
import { readMemberPath } from './member-path.ts';
import type { FolderReference, FolderRequest, Source, SourceFolder } from './source.ts';

const DEFAULT_ENDPOINT = 'https://huggingface.co';
const DEFAULT_REVISION = 'main';

interface HubReference {
  readonly repository: string;
  /** Empty: the whole repository. */
  readonly path: string;
  readonly revision: string;
}

/**
 * A file of a repository, or a whole one, on a hub that speaks Hugging Face's `resolve` URLs and model API. HF_ENDPOINT replaces the hub,
 * HF_TOKEN opens private and gated repositories; it goes to the hub only, never to where the hub redirects.
 */
export const hubSource: Source = {
  scheme: 'hf',
  form: 'hf:org/repo/path/file.gguf[@revision]',
  readPath: (reference) => parse(reference)?.path || undefined,
  fetch(request) {
    const file = parse(request.reference);
    if (file === undefined || file.path === '') throw new Error('the reference is malformed');
    return downloadHttp(request, originOf(resolveUrlOf(file, request.environment), request.environment));
  },
  readFolder,
  openFolder,
};

function readFolder(reference: string): FolderReference | undefined {
  const parsed = parse(reference);
  if (parsed === undefined) return undefined;
  const { repository, path, revision } = parsed;
  const folder = revision === DEFAULT_REVISION ? `hf:${repository}` : `hf:${repository}@${revision}`;
  return { folder, name: repository.slice(repository.indexOf('/') + 1), ...(path === '' ? {} : { path }) };
}

/** All files come from the one commit that the listing is of. */
async function openFolder(request: FolderRequest): Promise<SourceFolder> {
  const parsed = parse(request.reference);
  if (parsed === undefined) throw new Error('the reference is malformed');
  const { repository, revision } = parsed;
  const { environment } = request;
  const path = `api/models/${repository}/revision/${encodeURIComponent(revision)}`;
  const url = new URL(`${endpointOf(environment)}/${path}?blobs=true`);
  const listing = await listHubFolder(request, originOf(url, environment));
  return {
    files: listing.files,
    ...(listing.licence === undefined ? {} : { licence: listing.licence }),
    fetch(wanted, target) {
      const file = { repository, path: wanted, revision: listing.commit };
      return downloadHttp({ ...request, target }, originOf(resolveUrlOf(file, environment), environment));
    },
  };
}

function parse(reference: string): HubReference | undefined {
  const match = /^hf:([A-Za-z0-9][\w.-]*\/[A-Za-z0-9][\w.-]*)(?:\/([^@]+))?(?:@([A-Za-z0-9][\w./-]*))?$/.exec(reference);
  const repository = match?.[1];
  const path = match?.[2] === undefined ? '' : readMemberPath(match[2]);
  if (repository === undefined || path === undefined) return undefined;
  const revision = match?.[3] ?? DEFAULT_REVISION;
  return readMemberPath(revision) === undefined ? undefined : { repository, path, revision };
}

function endpointOf(environment: NodeJS.ProcessEnv): string {
  const endpoint = environment['HF_ENDPOINT'] || DEFAULT_ENDPOINT;
  if (!URL.canParse(endpoint) || !/^https?:/.test(endpoint)) throw new Error('HF_ENDPOINT is no http(s) URL');
  return endpoint.replace(/\/+$/, '');
}

function resolveUrlOf(file: HubReference, environment: NodeJS.ProcessEnv): URL {
  const path = file.path.split('/').map(encodeURIComponent).join('/');
  return new URL(`${endpointOf(environment)}/${file.repository}/resolve/${encodeURIComponent(file.revision)}/${path}`);
}

function originOf(url: URL, environment: NodeJS.ProcessEnv): FileOrigin {
  const token = environment['HF_TOKEN'];
  return {
    url,
    ...(token ? { authorization: `Bearer ${token}` } : {}),
    explain(status) {
      if (status === 401 || status === 403)
        return token ? 'HF_TOKEN does not open this repository' : 'no such repository, or one that needs HF_TOKEN';
      return status === 404 ? 'no such file, revision or repository' : undefined;
    },
    // What the hub says of a large file before it redirects to where the bytes are.
    readSha256: (headers) => /^"?([0-9a-f]{64})"?$/.exec(String(headers['x-linked-etag'] ?? ''))?.[1],
  };
}

import { downloadHttp, type FileOrigin } from './download-http.ts';
import { readMemberPath } from './member-path.ts';
import type { Source } from './source.ts';

const DEFAULT_ENDPOINT = 'https://huggingface.co';

interface HubFile {
  readonly repository: string;
  readonly path: string;
  readonly revision: string;
}

/**
 * A file of a repository on a hub that speaks Hugging Face's `resolve` URLs. HF_ENDPOINT replaces the hub, HF_TOKEN opens private and
 * gated repositories; it goes to the hub only, never to where the hub redirects.
 */
export const hubSource: Source = {
  scheme: 'hf',
  form: 'hf:org/repo/path/file.gguf[@revision]',
  readPath: (reference) => parse(reference)?.path,
  fetch(request) {
    const file = parse(request.reference);
    if (file === undefined) throw new Error('the reference is malformed');
    return downloadHttp(request, originOf(file, request.environment));
  },
};

function parse(reference: string): HubFile | undefined {
  const match = /^hf:([A-Za-z0-9][\w.-]*\/[A-Za-z0-9][\w.-]*)\/([^@]+)(?:@([A-Za-z0-9][\w./-]*))?$/.exec(reference);
  const path = readMemberPath(match?.[2] ?? '');
  const repository = match?.[1];
  if (repository === undefined || path === undefined) return undefined;
  const revision = match?.[3] ?? 'main';
  return readMemberPath(revision) === undefined ? undefined : { repository, path, revision };
}

function originOf(file: HubFile, environment: NodeJS.ProcessEnv): FileOrigin {
  const endpoint = environment['HF_ENDPOINT'] || DEFAULT_ENDPOINT;
  if (!URL.canParse(endpoint) || !/^https?:/.test(endpoint)) throw new Error('HF_ENDPOINT is no http(s) URL');
  const path = file.path.split('/').map(encodeURIComponent).join('/');
  const url = new URL(`${endpoint.replace(/\/+$/, '')}/${file.repository}/resolve/${encodeURIComponent(file.revision)}/${path}`);
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

import { downloadHttp } from './download-http.ts';
import { readMemberPath } from './member-path.ts';
import type { Source } from './source.ts';

const loopbackHosts: ReadonlySet<string> = new Set(['localhost', '127.0.0.1', '[::1]']);

/** A file at a URL, signed URLs included. Plain http is taken from this machine only; a name and password in the URL are refused. */
export const httpsSource: Source = {
  scheme: 'https',
  form: 'https://host/path/file.gguf',
  readPath: (reference) => readMemberPath(decode(parse(reference)?.pathname.replace(/^\/+/, '') ?? '')),
  async fetch(request) {
    const url = parse(request.reference);
    if (url === undefined) throw new Error('the reference is no https URL');
    await downloadHttp(request, { url, explain: () => undefined, readSha256: () => undefined });
  },
};

function parse(reference: string): URL | undefined {
  if (!URL.canParse(reference)) return undefined;
  const url = new URL(reference);
  const isTaken = url.protocol === 'https:' || (url.protocol === 'http:' && loopbackHosts.has(url.hostname));
  return isTaken && url.username === '' && url.password === '' ? url : undefined;
}

function decode(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

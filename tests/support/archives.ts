import { crc32, deflateRawSync, gzipSync } from 'node:zlib';

export interface ZipFile {
  readonly name: string;
  readonly content: Buffer;
  readonly isStored?: boolean;
  /** Written instead of the true values. */
  readonly says?: { readonly bytes?: number; readonly crc?: number; readonly flags?: number; readonly method?: number };
}

/** A zip archive of these files, in this order. */
export function writeZip(files: readonly ZipFile[], comment = ''): Buffer {
  const pieces: Buffer[] = [];
  const directory: Buffer[] = [];
  let offset = 0;
  for (const file of files) {
    const stored = file.isStored ? file.content : deflateRawSync(file.content);
    const name = Buffer.from(file.name);
    const facts = Buffer.alloc(26);
    facts.writeUInt16LE(20, 0);
    facts.writeUInt16LE(file.says?.flags ?? 0, 2);
    facts.writeUInt16LE(file.says?.method ?? (file.isStored ? 0 : 8), 4);
    facts.writeUInt32LE(file.says?.crc ?? crc32(file.content), 10);
    facts.writeUInt32LE(stored.length, 14);
    facts.writeUInt32LE(file.says?.bytes ?? file.content.length, 18);
    facts.writeUInt16LE(name.length, 22);
    const local = Buffer.concat([Buffer.from('PK\x03\x04'), facts, name, stored]);
    const tail = Buffer.alloc(14);
    tail.writeUInt32LE(offset, 10);
    directory.push(Buffer.concat([Buffer.from('PK\x01\x02'), Buffer.from([20, 3]), facts, tail, name]));
    pieces.push(local);
    offset += local.length;
  }
  const listing = Buffer.concat(directory);
  const end = Buffer.alloc(18);
  end.writeUInt16LE(files.length, 4);
  end.writeUInt16LE(files.length, 6);
  end.writeUInt32LE(listing.length, 8);
  end.writeUInt32LE(offset, 12);
  end.writeUInt16LE(comment.length, 16);
  return Buffer.concat([...pieces, listing, Buffer.from('PK\x05\x06'), end, Buffer.from(comment)]);
}

export interface TarFile {
  readonly name: string;
  readonly content: Buffer;
  /** `0` a file, `x` a pax header, `2` a link. */
  readonly kind?: string;
}

/** A gzipped tar archive of these files, in this order. */
export function writeTarGz(files: readonly TarFile[]): Buffer {
  const blocks = files.flatMap(({ name, content, kind = '0' }) => {
    const header = Buffer.alloc(512);
    header.write(name, 0, 100);
    header.write('0000644\0', 100);
    header.write(`${content.length.toString(8).padStart(11, '0')}\0`, 124);
    header.write('        ', 148);
    header.write(kind, 156);
    header.write('ustar\x0000', 257);
    const sum = header.reduce((total, byte) => total + byte, 0);
    header.write(`${sum.toString(8).padStart(6, '0')}\0 `, 148);
    return [header, content, Buffer.alloc((512 - (content.length % 512)) % 512)];
  });
  return gzipSync(Buffer.concat([...blocks, Buffer.alloc(1024)]));
}

/** A wheel that holds one file, as pip takes it. */
export function writeWheel(name: string, file: { readonly path: string; readonly content: Buffer }): Buffer {
  const info = `${name}-1.0.dist-info`;
  const text = (path: string, lines: readonly string[]): ZipFile => ({
    name: path,
    content: Buffer.from(`${lines.join('\n')}\n`),
  });
  return writeZip([
    { name: file.path, content: file.content },
    text(`${info}/METADATA`, ['Metadata-Version: 2.1', `Name: ${name}`, 'Version: 1.0']),
    text(`${info}/WHEEL`, ['Wheel-Version: 1.0', 'Generator: test', 'Root-Is-Purelib: true', 'Tag: py3-none-any']),
    text(`${info}/RECORD`, [`${file.path},,`, `${info}/METADATA,,`, `${info}/WHEEL,,`, `${info}/RECORD,,`]),
  ]);
}

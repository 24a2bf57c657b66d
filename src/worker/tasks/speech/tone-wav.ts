const RATE = 16_000;
const HERTZ = 440;
const AMPLITUDE = 1000;

/** A WAV file of one faint tone. */
export function toneWav(seconds: number): Uint8Array {
  const dataBytes = 2 * RATE * seconds;
  const file = Buffer.alloc(44 + dataBytes);
  file.write('RIFF', 0, 'latin1');
  file.writeUInt32LE(36 + dataBytes, 4);
  file.write('WAVEfmt ', 8, 'latin1');
  file.writeUInt32LE(16, 16);
  file.writeUInt16LE(1, 20);
  file.writeUInt16LE(1, 22);
  file.writeUInt32LE(RATE, 24);
  file.writeUInt32LE(2 * RATE, 28);
  file.writeUInt16LE(2, 32);
  file.writeUInt16LE(16, 34);
  file.write('data', 36, 'latin1');
  file.writeUInt32LE(dataBytes, 40);
  for (let index = 0; index < RATE * seconds; index++)
    file.writeInt16LE(Math.round(AMPLITUDE * Math.sin((2 * Math.PI * HERTZ * index) / RATE)), 44 + 2 * index);
  return file;
}

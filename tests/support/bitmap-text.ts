/** Rows from the top, red, green and blue. */
export interface DrawnPicture {
  readonly width: number;
  readonly height: number;
  readonly pixels: Uint8Array;
}

/** Letters of 5 × 7 dots, a number of five bits for each row. */
const GLYPHS: Readonly<Record<string, readonly number[]>> = {
  A: [14, 17, 17, 31, 17, 17, 17],
  D: [30, 17, 17, 17, 17, 17, 30],
  E: [31, 16, 16, 30, 16, 16, 31],
  I: [14, 4, 4, 4, 4, 4, 14],
  H: [17, 17, 17, 31, 17, 17, 17],
  L: [16, 16, 16, 16, 16, 16, 31],
  M: [17, 27, 21, 21, 17, 17, 17],
  N: [17, 25, 21, 19, 17, 17, 17],
  O: [14, 17, 17, 17, 17, 17, 14],
  P: [30, 17, 17, 30, 16, 16, 16],
  R: [30, 17, 17, 30, 20, 18, 17],
  S: [15, 16, 16, 14, 1, 1, 30],
  T: [31, 4, 4, 4, 4, 4, 4],
  '0': [14, 17, 19, 21, 25, 17, 14],
  '2': [14, 17, 1, 6, 8, 16, 31],
  '6': [14, 16, 16, 30, 17, 17, 14],
};

/** Black lines of text on white, each letter `dot` pixels a dot: pictures for tests that need no font. */
export function drawText(lines: readonly string[], dot: number): DrawnPicture {
  const columns = Math.max(...lines.map((line) => line.length));
  const [width, height] = [(columns * 6 + 8) * dot, (lines.length * 16 + 8) * dot];
  const pixels = new Uint8Array(width * height * 3).fill(255);
  lines.forEach((line, row) => {
    [...line].forEach((letter, column) => {
      GLYPHS[letter]?.forEach((bits, y) => {
        for (let x = 0; x < 5; x++) {
          if (((bits >> (4 - x)) & 1) === 0) continue;
          paint({ width, height, pixels }, { x: (4 + column * 6 + x) * dot, y: (6 + row * 16 + y) * dot, dot });
        }
      });
    });
  });
  return { width, height, pixels };
}

function paint(
  { width, pixels }: DrawnPicture,
  { x, y, dot }: { readonly x: number; readonly y: number; readonly dot: number },
): void {
  for (let row = y; row < y + dot; row++) pixels.fill(0, (row * width + x) * 3, (row * width + x + dot) * 3);
}

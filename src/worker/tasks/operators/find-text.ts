import type { Tensor } from '../../../core/inference/index.ts';
import {
  chooseLineWidth,
  coveredWidth,
  cutRegion,
  findRegions,
  LINE_HEIGHT,
  linePlanes,
  placeRegions,
  sizeOfRegion,
  TURN_WIDTH,
} from '../reading/index.ts';
import { floatsOf, floatTensor, type Picture } from '../vision/index.ts';
import { portOf, refuse, tensorAt, type Operator } from './operator.ts';

/** All lines go through the recognizer at once, which answers a column with thousands of scores. */
const MOST_COLUMNS = 65_536;
/** Lines of a real picture do not cover it more than once or twice. */
const MOST_CUT_PIXELS = 100_000_000;

type Corners = ReturnType<typeof placeRegions>[number];

/**
 * A text detector's map and the picture's pixels → the lines it shows: as the recognizer takes them (LINES), as the classifier takes
 * them (SAMPLES), how much of its tensor each covers (WIDTHS), and their corners in the picture, clockwise from the top left (REGIONS).
 * Few models take no rows at all: where there is no text, there is one blank line without a region.
 */
export const findTextOperator: Operator = {
  inputs: [portOf('MAP', 'FP32', [1, 1, -1, -1]), portOf('PIXELS', 'UINT8', [-1, -1, 3])],
  outputs: [
    portOf('LINES', 'FP32', [-1, 3, LINE_HEIGHT, -1]),
    portOf('SAMPLES', 'FP32', [-1, 3, LINE_HEIGHT, TURN_WIDTH]),
    portOf('WIDTHS', 'INT32', [-1]),
    portOf('REGIONS', 'FP32', [-1, 4, 2]),
  ],
  begin: (inputs) => () => findText(tensorAt(inputs, 0), tensorAt(inputs, 1)),
};

function findText(map: Tensor, pixels: Tensor): readonly Tensor[] {
  const [, , mapHeight = 0, mapWidth = 0] = map.shape;
  const [height = 0, width = 0] = pixels.shape;
  if (mapHeight * mapWidth === 0 || height * width === 0) refuse('MAP and PIXELS must not be empty');
  const picture: Picture = { width, height, pixels: pixels.data };
  const size = { width: mapWidth, height: mapHeight };
  const regions = placeRegions(findRegions({ values: floatsOf(map), ...size }), size, picture);
  checkAmount(regions);
  const lines = regions.length === 0 ? [blankLine()] : regions.map((corners) => cutRegion(picture, corners));
  const lineWidth = chooseLineWidth(lines);
  const widths = Int32Array.from(lines, (line) => coveredWidth(line, lineWidth));
  return [
    floatTensor('LINES', [lines.length, 3, LINE_HEIGHT, lineWidth], linePlanes(lines, lineWidth)),
    floatTensor('SAMPLES', [lines.length, 3, LINE_HEIGHT, TURN_WIDTH], linePlanes(lines, TURN_WIDTH)),
    { name: 'WIDTHS', datatype: 'INT32', shape: [lines.length], data: new Uint8Array(widths.buffer) },
    floatTensor('REGIONS', [regions.length, 4, 2], Float32Array.from(regions.flat(2))),
  ];
}

function checkAmount(regions: readonly Corners[]): void {
  const sizes = regions.map(sizeOfRegion);
  const columns = sizes.length * chooseLineWidth(sizes);
  const area = sizes.reduce((sum, size) => sum + size.width * size.height, 0);
  if (columns <= MOST_COLUMNS && area <= MOST_CUT_PIXELS) return;
  refuse(
    `the picture shows ${sizes.length} lines of text, which take ${columns} columns and ${area} pixels; ` +
      `expected at most ${MOST_COLUMNS} columns (lines × width of the widest) and ${MOST_CUT_PIXELS} pixels`,
  );
}

function blankLine(): Picture {
  return { width: 1, height: 1, pixels: Uint8Array.of(255, 255, 255) };
}

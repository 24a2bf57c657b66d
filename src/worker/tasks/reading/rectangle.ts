export type Point = readonly [x: number, y: number];

/** A rectangle at any angle: its centre, the directions of its sides and half their lengths. */
export interface Rectangle {
  readonly center: Point;
  /** Unit vector along `half[0]`; the other side stands upright on it. */
  readonly direction: Point;
  readonly half: readonly [number, number];
}

/** The convex hull, counter-clockwise where y grows upward (Andrew's monotone chain). */
export function convexHull(points: readonly Point[]): Point[] {
  const sorted = points.toSorted((a, b) => a[0] - b[0] || a[1] - b[1]);
  if (sorted.length < 3) return sorted;
  const lower = halfHull(sorted);
  const upper = halfHull(sorted.toReversed());
  return [...lower.slice(0, -1), ...upper.slice(0, -1)];
}

function halfHull(sorted: readonly Point[]): Point[] {
  const hull: Point[] = [];
  for (const point of sorted) {
    while (hull.length >= 2 && turn(hull.at(-2), hull.at(-1), point) <= 0) hull.pop();
    hull.push(point);
  }
  return hull;
}

function turn(a: Point = [0, 0], b: Point = [0, 0], c: Point = [0, 0]): number {
  return (b[0] - a[0]) * (c[1] - a[1]) - (b[1] - a[1]) * (c[0] - a[0]);
}

/** The rectangle of least area around points; one of its sides lies on a side of their hull. */
export function smallestRectangle(points: readonly Point[]): Rectangle {
  const hull = convexHull(points);
  let best: Rectangle | undefined;
  for (const [index, from] of hull.entries()) {
    const to = hull[(index + 1) % hull.length] ?? from;
    const length = Math.hypot(to[0] - from[0], to[1] - from[1]);
    if (length === 0) continue;
    const candidate = rectangleAlong(hull, [(to[0] - from[0]) / length, (to[1] - from[1]) / length]);
    if (best === undefined || areaOf(candidate) < areaOf(best)) best = candidate;
  }
  return best ?? { center: hull[0] ?? [0, 0], direction: [1, 0], half: [0, 0] };
}

function rectangleAlong(hull: readonly Point[], direction: Point): Rectangle {
  const [dx, dy] = direction;
  let [least, most, low, high] = [Infinity, -Infinity, Infinity, -Infinity];
  for (const [x, y] of hull) {
    const along = x * dx + y * dy;
    const across = y * dx - x * dy;
    [least, most, low, high] = [Math.min(least, along), Math.max(most, along), Math.min(low, across), Math.max(high, across)];
  }
  const [along, across] = [(least + most) / 2, (low + high) / 2];
  return {
    center: [along * dx - across * dy, along * dy + across * dx],
    direction,
    half: [(most - least) / 2, (high - low) / 2],
  };
}

export function areaOf({ half }: Rectangle): number {
  return 4 * half[0] * half[1];
}

/** Every side moved outward by the same distance. */
export function growRectangle(rectangle: Rectangle, distance: number): Rectangle {
  return { ...rectangle, half: [rectangle.half[0] + distance, rectangle.half[1] + distance] };
}

/** Corners clockwise on a picture (y grows downward), beginning at the top left of the text that reads most nearly from left to right. */
export function cornersOf({ center, direction, half }: Rectangle): [Point, Point, Point, Point] {
  const [dx, dy] = direction;
  const corner = (along: number, across: number): Point => [
    center[0] + along * half[0] * dx - across * half[1] * dy,
    center[1] + along * half[0] * dy + across * half[1] * dx,
  ];
  const corners = [corner(-1, -1), corner(1, -1), corner(1, 1), corner(-1, 1)];
  const byX = corners.toSorted((a, b) => a[0] - b[0]);
  const [left, right] = [byX.slice(0, 2), byX.slice(2)].map((pair) => pair.toSorted((a, b) => a[1] - b[1]));
  const [topLeft, bottomLeft] = left ?? [];
  const [topRight, bottomRight] = right ?? [];
  return [topLeft ?? center, topRight ?? center, bottomRight ?? center, bottomLeft ?? center];
}

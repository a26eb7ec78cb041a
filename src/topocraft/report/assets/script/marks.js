// What is drawn on a map: every cell, or squares that stand for the cells in them.

const BUCKETS = 128;

// Marks have places in the unit square; `start` and `cells` list the cells of each where they are squares.
function makeMarks(map, squares) {
  return squares ? squareMarks(map, squares) : cellMarks(map);
}

function cellMarks(map) {
  const n = map.x.length;
  const x = Float32Array.from(map.x, (value) => value / map.steps);
  const y = Float32Array.from(map.y, (value) => value / map.steps);
  return withBuckets({ n, x, y, side: 0, start: null, cells: null, most: 1 });
}

function squareMarks(map, squares) {
  const counts = new Uint32Array(squares * squares);
  for (let cell = 0; cell < map.x.length; cell++) counts[map.y[cell] * squares + map.x[cell]]++;
  const place = new Int32Array(counts.length).fill(-1);
  const found = [];
  counts.forEach((count, square) => { if (count) { place[square] = found.length; found.push(square); } });
  const start = new Uint32Array(found.length + 1);
  found.forEach((square, mark) => { start[mark + 1] = start[mark] + counts[square]; });
  const next = start.slice();
  const cells = new Uint32Array(map.x.length);
  for (let cell = 0; cell < cells.length; cell++) cells[next[place[map.y[cell] * squares + map.x[cell]]]++] = cell;
  const x = Float32Array.from(found, (square) => (square % squares + 0.5) / squares);
  const y = Float32Array.from(found, (square) => (Math.floor(square / squares) + 0.5) / squares);
  const most = found.reduce((largest, square) => Math.max(largest, counts[square]), 1);
  return withBuckets({ n: found.length, x, y, side: 1 / squares, start, cells, most });
}

// Buckets of a coarse grid, so that the mark under the pointer is found without looking at all.
function withBuckets(marks) {
  const bucket = (value) => Math.min(BUCKETS - 1, Math.max(0, Math.floor(value * BUCKETS)));
  const of = Uint16Array.from({ length: marks.n }, (_, mark) => bucket(marks.y[mark]) * BUCKETS + bucket(marks.x[mark]));
  const begin = new Uint32Array(BUCKETS * BUCKETS + 1);
  of.forEach((value) => begin[value + 1]++);
  for (let place = 0; place < BUCKETS * BUCKETS; place++) begin[place + 1] += begin[place];
  const next = begin.slice();
  const inside = new Uint32Array(marks.n);
  of.forEach((value, mark) => { inside[next[value]++] = mark; });
  return { ...marks, begin, inside, bucket };
}

function nearestMark(marks, x, y, reach) {
  const [low, high] = [[x - reach, y - reach], [x + reach, y + reach]].map((corner) => corner.map(marks.bucket));
  let best = -1;
  let least = reach * reach;
  for (let row = low[1]; row <= high[1]; row++) {
    for (let place = marks.begin[row * BUCKETS + low[0]]; place < marks.begin[row * BUCKETS + high[0] + 1]; place++) {
      const mark = marks.inside[place];
      const away = (marks.x[mark] - x) ** 2 + (marks.y[mark] - y) ** 2;
      if (away <= least) [best, least] = [mark, away];
    }
  }
  return best;
}

function cellsOf(marks, mark) {
  return marks.start ? marks.cells.subarray(marks.start[mark], marks.start[mark + 1]) : [mark];
}

function marksInside(marks, polygon) {
  const found = [];
  for (let mark = 0; mark < marks.n; mark++) if (isInside(polygon, marks.x[mark], marks.y[mark])) found.push(mark);
  return found;
}

function isInside(polygon, x, y) {
  let inside = false;
  for (let one = 0, other = polygon.length - 1; one < polygon.length; other = one++) {
    const [ax, ay] = polygon[one];
    const [bx, by] = polygon[other];
    if (ay > y !== by > y && x < (bx - ax) * (y - ay) / (by - ay) + ax) inside = !inside;
  }
  return inside;
}

// The code that a mark shows: its cell's own; of a square, one of its shown cells drawn by chance for a category, so
// that shares are true over an area, and the mean for a number. −1 where none of its cells is shown.
function codeOf(marks, mark, column, shown) {
  if (!marks.start) return shown[mark] ? column.codes[mark] : -1;
  const cells = cellsOf(marks, mark).filter((cell) => shown[cell]);
  if (!cells.length) return -1;
  if (column.isText) return column.codes[cells[Math.floor(chance(mark) * cells.length)]];
  const known = cells.filter((cell) => column.codes[cell] !== MISSING);
  if (!known.length) return MISSING;
  return Math.round(known.reduce((sum, cell) => sum + column.codes[cell], 0) / known.length);
}

// A number in 0 … 1 that depends on its argument alone.
function chance(number) {
  let mixed = Math.imul(number + 0x9e3779b9, 0x85ebca6b);
  mixed = Math.imul(mixed ^ (mixed >>> 13), 0xc2b2ae35);
  return ((mixed ^ (mixed >>> 16)) >>> 0) / 4294967296;
}

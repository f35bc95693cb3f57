// Gatehouse: where the boxes and arrows of a flow stand. Steps lie in rows, each below all that lead to it; an arrow over
// several rows gets a place in each (Sugiyama's method), so that none runs through a box.

export const BOX = { width: 232, height: 68 };
const GAP = { x: 36, y: 76, lane: 26 };
const SWEEPS = 8;
const LABEL = 84;

// `sizes` are the boxes' sizes; edges are pairs of places. Answers boxes, the lines of the edges, and the whole's size.
export function layout(sizes, edges) {
  const real = edges.filter(({ from, to }) => from >= 0 && to >= 0 && from !== to);
  const rows = ranks(sizes.length, forward(sizes.length, real));
  const cells = sizes.map((size, place) => ({ ...size, row: rows[place], up: [], down: [] }));
  const chains = real.map((edge) => chain(cells, edge));
  const table = ordered(cells);
  for (let sweep = 0; sweep < SWEEPS; sweep += 1) sort(table, sweep % 2 === 0);
  place(table);
  const height = stack(table);
  const left = Math.min(0, ...cells.map((cell) => cell.x - cell.width / 2));
  for (const cell of cells) cell.x -= left;
  lanes(table);
  return {
    boxes: cells.slice(0, sizes.length).map(({ x, y, width, height: tall, row }) => ({ x: x - width / 2, y, width, height: tall, row })),
    lines: apart(chains.map((cellsOf, at) => ({ ...real[at], ...line(cellsOf, table) }))),
    width: Math.max(BOX.width, ...cells.map((cell) => cell.x + cell.width / 2)),
    height,
  };
}

// The edges without those that close a circle (a definition being written may have one).
function forward(count, edges) {
  const state = new Array(count).fill(0);
  const kept = [];
  const walk = (from) => {
    state[from] = 1;
    for (const edge of edges.filter((one) => one.from === from)) {
      if (state[edge.to] === 1) continue;
      kept.push(edge);
      if (state[edge.to] === 0) walk(edge.to);
    }
    state[from] = 2;
  };
  for (let node = 0; node < count; node += 1) {
    if (state[node] === 0 && !edges.some((edge) => edge.to === node)) walk(node);
  }
  for (let node = 0; node < count; node += 1) if (state[node] === 0) walk(node);
  return kept;
}

function ranks(count, edges) {
  const rows = new Array(count).fill(0);
  for (let changed = true, round = 0; changed && round <= count; round += 1) {
    changed = false;
    for (const { from, to } of edges) {
      if (rows[to] <= rows[from]) {
        rows[to] = rows[from] + 1;
        changed = true;
      }
    }
  }
  return rows;
}

// The cells an edge goes through; those between its ends are made here.
function chain(cells, edge) {
  const [top, bottom] = cells[edge.from].row <= cells[edge.to].row ? [edge.from, edge.to] : [edge.to, edge.from];
  const through = [cells[top]];
  for (let row = cells[top].row + 1; row < cells[bottom].row; row += 1) {
    const cell = { width: GAP.lane, height: 0, row, up: [], down: [], lane: true };
    cells.push(cell);
    through.push(cell);
  }
  through.push(cells[bottom]);
  for (let at = 1; at < through.length; at += 1) {
    through[at].up.push(through[at - 1]);
    through[at - 1].down.push(through[at]);
  }
  return top === edge.from ? through : through.reverse();
}

function ordered(cells) {
  const table = [];
  for (const cell of cells) (table[cell.row] ??= []).push(cell);
  table.forEach(number);
  return table;
}

function number(row) {
  row.forEach((cell, at) => { cell.at = at; });
}

// One sweep: each row in the order of the middle of what it hangs on.
function sort(table, downwards) {
  const rows = downwards ? table.slice(1) : table.slice(0, -1).reverse();
  for (const row of rows) {
    for (const cell of row) cell.weight = middle(downwards ? cell.up : cell.down, (one) => one.at, cell.at);
    row.sort((one, other) => one.weight - other.weight || one.at - other.at);
    number(row);
  }
}

function middle(cells, of, otherwise) {
  return cells.length ? cells.reduce((sum, cell) => sum + of(cell), 0) / cells.length : otherwise;
}

// Each cell as near as possible to the middle of its neighbours, in the row's order and without overlaps.
function place(table) {
  for (const row of table) {
    let x = 0;
    for (const cell of row) {
      cell.x = x + cell.width / 2;
      x += cell.width + GAP.x;
    }
  }
  for (let sweep = 0; sweep < SWEEPS; sweep += 1) {
    const downwards = sweep % 2 === 0;
    for (const row of downwards ? table.slice(1) : table.slice(0, -1).reverse()) {
      spread(row, (cell) => middle(downwards ? cell.up : cell.down, (one) => one.x, cell.x));
    }
  }
}

// Pool adjacent violators: the smallest sum of squared distances to the wishes with the gaps kept.
function spread(row, wish) {
  let offset = 0;
  const pools = [];
  row.forEach((cell, at) => {
    if (at > 0) offset += (row[at - 1].width + cell.width) / 2 + GAP.x;
    cell.offset = offset;
    pools.push({ sum: wish(cell) - offset, count: 1 });
    for (let last = pools.length - 1; last > 0 && mean(pools[last - 1]) > mean(pools[last]); last -= 1) {
      const pool = pools.pop();
      pools[last - 1].sum += pool.sum;
      pools[last - 1].count += pool.count;
    }
  });
  let at = 0;
  for (const pool of pools) {
    for (let left = pool.count; left > 0; left -= 1, at += 1) row[at].x = mean(pool) + row[at].offset;
  }
}

const mean = (pool) => pool.sum / pool.count;

function stack(table) {
  let y = 0;
  for (const row of table) {
    row.height = Math.max(0, ...row.map((cell) => cell.height));
    row.y = y;
    for (const cell of row) cell.y = y;
    y += row.height + GAP.y;
  }
  return Math.max(BOX.height, y - GAP.y);
}

// Below each row, every cell whose arrows turn has a height of its own for that: near the row where ways part, near the
// next row where they meet.
function lanes(table) {
  for (const row of table) {
    const turning = row.filter((cell) => cell.down.some((one) => Math.abs(one.x - cell.x) > 1));
    turning.forEach((cell, at) => {
      cell.late = cell.down.length === 1 && cell.down[0].up.length > 1;
      cell.turn = (cell.late ? GAP.y - 30 : 14) + (turning.length > 1 ? (at * 10) / (turning.length - 1) : 5);
    });
  }
}

// A line as a path with round corners, and the place on it for its label.
function line(through, table) {
  const first = through[0];
  const back = through.at(-1).row < first.row;
  const points = [[first.x, back ? first.y : first.y + first.height]];
  for (let at = 1; at < through.length; at += 1) {
    const [from, to] = [through[at - 1], through[at]];
    const turn = back ? to.y + table[to.row].height + 12 : from.y + table[from.row].height + (from.turn ?? 20);
    if (Math.abs(from.x - to.x) > 1) points.push([from.x, turn], [to.x, turn]);
    points.push([to.x, back ? to.y + to.height : to.y]);
  }
  return { path: rounded(points), label: labelled(first, through[1], table, back) };
}

// Arrows between the same two boxes are drawn as one; their labels stand side by side.
function apart(lines) {
  for (const one of lines) {
    const same = lines.filter((other) => other.from === one.from && other.to === one.to);
    one.label = [one.label[0] + (same.indexOf(one) - (same.length - 1) / 2) * LABEL, one.label[1]];
  }
  return lines;
}

// Where no other arrow's label stands: on the part of a line that is its own.
function labelled(first, next, table, back) {
  const bottom = first.y + table[first.row].height;
  if (back) return [next.x, next.y];
  if (first.late) return [first.x, bottom + 26];
  const meets = first.down.length > 1 && next.up.length > 1 && Math.abs(first.x - next.x) > 1;
  return meets ? [(first.x + next.x) / 2, bottom + (first.turn ?? 20)] : [next.x, bottom + 46];
}

function rounded(points) {
  let path = `M${points[0].join(" ")}`;
  for (let at = 1; at < points.length - 1; at += 1) {
    const [before, here, after] = [points[at - 1], points[at], points[at + 1]];
    const radius = Math.min(10, length(before, here) / 2, length(here, after) / 2);
    path += `L${toward(here, before, radius).join(" ")}Q${here.join(" ")} ${toward(here, after, radius).join(" ")}`;
  }
  return `${path}L${points.at(-1).join(" ")}`;
}

const length = ([x1, y1], [x2, y2]) => Math.hypot(x2 - x1, y2 - y1);

function toward(from, to, distance) {
  const whole = length(from, to) || 1;
  return [from[0] + ((to[0] - from[0]) * distance) / whole, from[1] + ((to[1] - from[1]) * distance) / whole];
}

// The two maps, linked: one colouring, one choice of cells, one cell under the pointer.

const MOST_NAMES = 30;

function makeAtlas(data, shades) {
  const find = (id) => document.getElementById(id);
  const state = { column: data.columns[0], table: null, chosen: new Set(), lasso: null, shown: null };
  const atlas = {
    mode: () => document.querySelector("input[name=mode]:checked").value,
    namesOf: (map) => (find("labels").checked ? map.names : []),
    lassoed(map, marks) {
      state.lasso = marks.length ? Uint32Array.from(marks.flatMap((mark) => Array.from(cellsOf(map.marks, mark)))) : null;
      choose();
    },
    hovered(map, mark, event) {
      const cells = mark < 0 ? [] : cellsOf(map.marks, mark);
      for (const other of maps) {
        other.rings = other === map ? (mark < 0 ? [] : [mark]) : ringsOf(other, cells);
        drawLater(other, atlas);
      }
      showTip(find("tip"), cells, event);
    },
  };
  const maps = data.maps.map((map) => makeMap(map.title, makeMarks(map, data.squares), atlas));
  // Which mark of each map a cell is in, to find it there when it is pointed at elsewhere.
  for (const map of maps) map.markOf = marksOfCells(map.marks, data.n);

  function ringsOf(map, cells) {
    const step = Math.max(1, Math.ceil(cells.length / MOST_RINGS));
    return [...new Set(Array.from(cells).filter((_, place) => place % step === 0).map((cell) => map.markOf[cell]))];
  }

  function choose() {
    const { column, chosen, lasso } = state;
    const within = lasso ? new Uint8Array(data.n) : new Uint8Array(data.n).fill(1);
    if (lasso) for (const cell of lasso) within[cell] = 1;
    state.shown = chosen.size ? within.map((value, cell) => value && chosen.has(column.codes[cell]) ? 1 : 0) : within;
    const cells = chosen.size || lasso ? Uint32Array.from(allWhere(state.shown)) : null;
    fillLegend(find("legend"), column, state.table, chosen, toggle);
    fillSelection(find("selection"), data, cells, () => saveCells(data, cells));
    paint();
  }

  function toggle(code) {
    if (!state.chosen.delete(code)) state.chosen.add(code);
    choose();
    document.querySelector(`#legend [data-code="${code}"]`).focus();
  }

  function colourBy(column) {
    state.column = column;
    state.chosen.clear();
    atlas.column = column;
    // Batches lie everywhere, so that the middle of one is no place of its own.
    const named = column.isText && column !== data.columns[0];
    for (const map of maps) map.names = named ? middles(map.marks, column) : [];
    recolour();
  }

  function recolour() {
    state.table = atlas.table = colourTable(state.column, shades);
    choose();
  }

  function paint() {
    for (const map of maps) {
      map.paint = makePaint(map.marks, state.column, state.table, state.shown, map.shuffled);
      map.painter.load(map.paint);
      drawNow(map, atlas);
    }
  }

  function showTip(tip, cells, event) {
    tip.hidden = !cells.length;
    if (tip.hidden) return;
    tip.textContent = tipText(data, state.column, cells);
    const box = tip.getBoundingClientRect();
    tip.style.left = `${Math.min(event.clientX + 14, innerWidth - box.width - 8)}px`;
    tip.style.top = `${Math.min(event.clientY + 14, innerHeight - box.height - 8)}px`;
  }

  function clear() {
    state.chosen.clear();
    state.lasso = null;
    choose();
  }

  find("colour").addEventListener("change", (event) => colourBy(data.columns[event.target.value]));
  find("labels").addEventListener("change", () => maps.forEach((map) => drawNow(map, atlas)));
  find("clear").addEventListener("click", clear);
  document.addEventListener("keydown", (event) => { if (event.key === "Escape") clear(); });
  for (const map of maps) map.atlas = atlas;
  return { maps, atlas, colourBy, recolour };
}

function* allWhere(shown) {
  for (let cell = 0; cell < shown.length; cell++) if (shown[cell]) yield cell;
}

function marksOfCells(marks, n) {
  const of = new Uint32Array(n);
  for (let mark = 0; mark < marks.n; mark++) for (const cell of cellsOf(marks, mark)) of[cell] = mark;
  return of;
}

// The middle of the cells of each category: the mark nearest to the median along both axes.
function middles(marks, column) {
  if (column.names.length > MOST_NAMES) return [];
  const places = column.names.map(() => [[], []]);
  for (let mark = 0; mark < marks.n; mark++) {
    for (const cell of cellsOf(marks, mark)) {
      const found = places[column.codes[cell]];
      if (found) { found[0].push(marks.x[mark]); found[1].push(marks.y[mark]); }
    }
  }
  const median = (values) => Float32Array.from(values).sort()[values.length >> 1];
  return column.names
    .map((text, code) => ({ text, x: median(places[code][0]), y: median(places[code][1]) }))
    .filter((_, code) => places[code][0].length);
}

function tipText(data, column, cells) {
  const columns = [...new Set([...data.columns.filter(({ group }) => group === "design" || group === "mixing"), column])];
  if (cells.length === 1) {
    const name = data.names ? data.names[cells[0]] : `cell in row ${data.rows[cells[0]] + 1}`;
    return [name, ...columns.map((one) => `${one.title}: ${valueText(one, one.codes[cells[0]])}`)].join("\n");
  }
  const lines = columns.map((one) => {
    const parts = one.isText ? makeUp(one, cells).slice(0, 4) : [];
    return `${one.title}: ${one.isText ? parts.map(({ text, share }) => `${text} ${Math.round(100 * share)} %`).join(", ") : meanText(one, cells)}`;
  });
  return [`${cells.length.toLocaleString("en")} cells`, ...lines].join("\n");
}

function meanText(column, cells) {
  const known = Array.from(cells, (cell) => column.codes[cell]).filter((code) => code !== MISSING);
  return known.length ? `${valueText(column, known.reduce((sum, code) => sum + code, 0) / known.length)} on average` : "none";
}

// The legend: a button per category that shows it alone, or a scale of shades.

function countsOf(column) {
  const counts = new Uint32Array(256);
  for (const code of column.codes) counts[code]++;
  return counts;
}

function swatch(colour) {
  const space = "http://www.w3.org/2000/svg";
  const svg = document.createElementNS(space, "svg");
  const circle = document.createElementNS(space, "circle");
  for (const [name, value] of Object.entries({ width: 12, height: 12, "aria-hidden": true })) svg.setAttribute(name, value);
  for (const [name, value] of Object.entries({ cx: 6, cy: 6, r: 5.5, fill: colour })) circle.setAttribute(name, value);
  svg.append(circle);
  return svg;
}

function fillLegend(place, column, table, chosen, toggle) {
  place.replaceChildren();
  const counts = countsOf(column);
  if (!column.isText) place.append(...scaleOf(column, table));
  const codes = column.isText ? column.names.map((_, code) => code) : [];
  if (counts[MISSING]) codes.push(MISSING);
  for (const code of codes) {
    const text = code === MISSING ? "no value" : column.names[code];
    const button = element("button", { type: "button", "aria-pressed": String(chosen.has(code)), onclick: () => toggle(code) },
      swatch(hex(table, code)), element("span", { textContent: text }),
      element("span", { className: "count", textContent: counts[code].toLocaleString("en") }));
    button.dataset.code = code;
    place.append(button);
  }
}

function scaleOf(column, table) {
  const canvas = element("canvas", { className: "scale", width: MISSING, height: 1 });
  canvas.setAttribute("role", "img");
  canvas.setAttribute("aria-label", `Shades from ${valueText(column, 0)} to ${valueText(column, MISSING - 1)}`);
  const context = canvas.getContext("2d");
  for (let code = 0; code < MISSING; code++) {
    context.fillStyle = hex(table, code);
    context.fillRect(code, 0, 1, 1);
  }
  const ends = [0, MISSING - 1].map((code) => element("span", { textContent: valueText(column, code) }));
  return [canvas, element("div", { className: "ends" }, ...ends)];
}

// A list of what chosen cells are, the most frequent first.
function makeUp(column, cells) {
  const counts = new Uint32Array(256);
  for (const cell of cells) counts[column.codes[cell]]++;
  return Array.from(counts, (count, code) => [count, code])
    .filter(([count]) => count)
    .sort(([one], [other]) => other - one)
    .map(([count, code]) => ({ text: valueText(column, code), count, share: count / cells.length }));
}

function fillSelection(place, data, cells, save) {
  place.replaceChildren();
  if (!cells) return;
  place.append(element("h3", { textContent: `${cells.length.toLocaleString("en")} cells chosen` }));
  for (const column of data.columns.filter(({ group }) => group === "design")) {
    const parts = makeUp(column, cells);
    const lines = parts.slice(0, 8).map(({ text, count, share }) =>
      element("li", { textContent: `${text}: ${count.toLocaleString("en")} (${Math.round(100 * share)} %)` }));
    if (parts.length > 8) lines.push(element("li", { textContent: `and ${parts.length - 8} more` }));
    place.append(element("strong", { textContent: column.title }), element("ul", {}, ...lines));
  }
  place.append(element("button", { type: "button", textContent: "Save these cells as CSV", onclick: save }));
}

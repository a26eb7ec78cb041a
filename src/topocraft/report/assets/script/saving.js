// What leaves the page: figures as SVG or PNG, tables and chosen cells as CSV.

const MOST_CIRCLES = 30000;
const PNG_PIXELS = 1600;
const LEGEND_WIDTH = 200;

function download(name, type, content) {
  const url = URL.createObjectURL(content instanceof Blob ? content : new Blob([content], { type }));
  element("a", { href: url, download: name }).click();
  setTimeout(() => URL.revokeObjectURL(url), 10000);
}

function fileName(title, ending) {
  return `${`${document.title.replace(" – topocraft", "")} ${title}`.replace(/[^\w.-]+/g, "-").slice(0, 80)}.${ending}`;
}

function svgElement(tag, attributes, text) {
  const made = document.createElementNS("http://www.w3.org/2000/svg", tag);
  for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value);
  if (text !== undefined) made.textContent = text;
  return made;
}

function saveFigure(title, ending, svg) {
  const source = new XMLSerializer().serializeToString(svg);
  if (ending === "svg") download(fileName(title, "svg"), "image/svg+xml", source);
  else rasterise(svg, source, (blob) => download(fileName(title, "png"), "image/png", blob));
}

function rasterise(svg, source, done) {
  const image = new Image();
  const [width, height] = ["width", "height"].map((name) => Number(svg.getAttribute(name)));
  const scale = Math.max(2, PNG_PIXELS / width);
  image.onload = () => {
    const canvas = element("canvas", { width: Math.round(width * scale), height: Math.round(height * scale) });
    canvas.getContext("2d").drawImage(image, 0, 0, canvas.width, canvas.height);
    URL.revokeObjectURL(image.src);
    canvas.toBlob(done);
  };
  image.src = URL.createObjectURL(new Blob([source], { type: "image/svg+xml" }));
}

// A figure that stands in the page, with the colours that the page gives it.
function standing(id) {
  const svg = document.getElementById(id).cloneNode(true);
  const [, , width, height] = svg.getAttribute("viewBox").split(" ");
  const style = getComputedStyle(document.body);
  for (const [name, value] of Object.entries({ width, height, color: style.color })) svg.setAttribute(name, value);
  svg.prepend(svgElement("rect", { width: "100%", height: "100%", fill: style.backgroundColor }));
  return svg;
}

function saveMap(map, ending) {
  saveFigure(map.title, ending, mapAsSvg(map, 520));
}

function mapAsSvg(map, side) {
  const style = getComputedStyle(document.body);
  const { atlas, paint, marks } = map;
  const svg = svgElement("svg", {
    xmlns: "http://www.w3.org/2000/svg", width: side + LEGEND_WIDTH, height: side + 30,
    viewBox: `0 0 ${side + LEGEND_WIDTH} ${side + 30}`, "font-family": "system-ui, sans-serif", "font-size": 13, fill: style.color,
  });
  svg.append(svgElement("rect", { width: "100%", height: "100%", fill: style.backgroundColor }));
  svg.append(svgElement("text", { x: 8, y: 20, "font-weight": 600 }, `${map.title}, by ${atlas.column.title}`));
  const field = svgElement("svg", { y: 30, width: side, height: side, viewBox: `0 0 ${side} ${side}` });
  field.append(...(marks.n > MOST_CIRCLES ? [asImage(map, side)] : shapes(marks, paint, frameOf(map, side), side)));
  const namesAt = atlas.namesOf(map).map(({ text, x, y }) => [text, toShare(map.view, x, y)]);
  for (const [text, [x, y]] of namesAt) {
    field.append(svgElement("text", {
      x: x * side, y: (1 - y) * side, "text-anchor": "middle", "font-weight": 600, stroke: style.backgroundColor,
      "stroke-width": 3, "paint-order": "stroke", "stroke-linejoin": "round",
    }, text));
  }
  svg.append(field, ...legendAsSvg(atlas, side + 10));
  return svg;
}

function shapes(marks, paint, frame, side) {
  return Array.from(paint.order, (mark) => {
    const [red, green, blue, alpha] = paint.colours.subarray(4 * mark, 4 * mark + 4);
    const place = [(marks.x[mark] * frame.scale + frame.x) * side, (1 - marks.y[mark] * frame.scale - frame.y) * side];
    const [x, y] = place.map((value) => value.toFixed(1));
    const ink = { fill: `rgb(${red},${green},${blue})`, "fill-opacity": (alpha / 255).toFixed(2) };
    if (!marks.side) return svgElement("circle", { cx: x, cy: y, r: (frame.size / 2).toFixed(2), ...ink });
    const size = frame.size.toFixed(2);
    return svgElement("rect", { x: (place[0] - frame.size / 2).toFixed(2), y: (place[1] - frame.size / 2).toFixed(2), width: size, height: size, ...ink });
  });
}

// So many marks would make a file that no program opens: they become an image within it.
function asImage(map, side) {
  const canvas = element("canvas", { width: PNG_PIXELS, height: PNG_PIXELS });
  paintPlainly(canvas.getContext("2d"), map.marks, map.paint, frameOf(map, PNG_PIXELS));
  return svgElement("image", { width: side, height: side, href: canvas.toDataURL() });
}

function legendAsSvg(atlas, left) {
  const { column, table } = atlas;
  const lines = column.isText
    ? column.names.map((text, code) => [hex(table, code), text])
    : [0, 64, 127, 190, MISSING - 1].map((code) => [hex(table, code), valueText(column, code)]);
  return lines.flatMap(([colour, text], line) => [
    svgElement("circle", { cx: left + 6, cy: 46 + 20 * line, r: 5.5, fill: colour }),
    svgElement("text", { x: left + 18, y: 50 + 20 * line }, text),
  ]);
}

function tableRows(id) {
  return Array.from(document.getElementById(id).rows, (row) => Array.from(row.cells, (cell) => cell.textContent.trim()));
}

// Spreadsheets run text that begins like a formula; an apostrophe keeps it text.
function csvCell(text) {
  const safe = /^[=+@\t\r]|^-(?![\d.])/.test(text) ? `'${text}` : text;
  return /[",\n\r]/.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe;
}

function asCsv(rows) {
  return rows.map((row) => row.map(csvCell).join(",") + "\r\n").join("");
}

function saveCells(data, cells) {
  const columns = data.columns.filter(({ group }) => group === "design");
  const header = ["row", ...(data.names ? ["cell"] : []), ...columns.map(({ title }) => title)];
  const rows = Array.from(cells, (cell) => [
    String(data.rows[cell] + 1), ...(data.names ? [data.names[cell]] : []),
    ...columns.map((column) => valueText(column, column.codes[cell])),
  ]);
  download(fileName("cells", "csv"), "text/csv", asCsv([header, ...rows]));
}

async function copyTable(button) {
  const text = tableRows(button.dataset.copy).map((row) => row.join("\t")).join("\n");
  try {
    await navigator.clipboard.writeText(text);
  } catch {
    copyOldWay(text);  // pages opened from a disk have no clipboard in some browsers
  }
  button.textContent = "Copied";
  setTimeout(() => { button.textContent = "Copy"; }, 1500);
}

function copyOldWay(text) {
  const area = element("textarea", { value: text });
  document.body.append(area);
  area.select();
  document.execCommand("copy");
  area.remove();
}

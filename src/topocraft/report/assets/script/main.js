// The page comes alive.

const GROUPS = { design: "Design", mixing: "Mixing", columns: "Columns of obs", genes: "Genes" };

function fillChoice(select, columns) {
  for (const [group, label] of Object.entries(GROUPS)) {
    const options = columns.map((column, place) => [column, place]).filter(([column]) => column.group === group);
    if (!options.length) continue;
    const part = element("optgroup", { label });
    part.append(...options.map(([column, place]) => element("option", { value: place, textContent: column.title })));
    select.append(part);
  }
}

function explained(data) {
  const squares = `Each of the ${data.squares} × ${data.squares} squares that holds cells stands for all of them, and is fuller the ` +
    "more they are. By category, a square has the colour of one of its cells drawn by chance, so that shares are true over an " +
    "area; by number, that of their mean. Point at it for the exact make-up.";
  const points = `Every one of the ${data.n.toLocaleString("en")} cells is a point, drawn in an order by chance.`;
  return `${data.squares ? squares : points} Distances on a UMAP measure nothing: look at what is next to what. Click an entry of ` +
    "the legend to show it alone. To zoom, turn the wheel after a click into a map or with Ctrl; Shift drags.";
}

async function start() {
  const data = await decoded(readJson("data"));
  document.getElementById("atlas").hidden = false;
  const { maps, colourBy, recolour } = makeAtlas(data, readJson("shades"));
  document.getElementById("maps").append(...maps.map((map) => map.figure));
  fillChoice(document.getElementById("colour"), data.columns);
  document.getElementById("how").textContent = explained(data);
  colourBy(data.columns[0]);
  for (const medium of ["(prefers-color-scheme: dark)", "print"]) matchMedia(medium).addEventListener("change", recolour);
  document.getElementById("theme").addEventListener("click", () => {
    document.documentElement.dataset.theme = isDark() ? "light" : "dark";
    recolour();
  });
  document.documentElement.dataset.maps = "drawn";
  performance.mark("maps drawn");
}

document.addEventListener("click", (event) => {
  const { csv, copy, svg, png } = event.target.dataset;
  if (csv) download(fileName(csv, "csv"), "text/csv", asCsv(tableRows(csv)));
  if (copy) copyTable(event.target);
  if (svg) saveFigure(svg, "svg", standing(svg));
  if (png) saveFigure(png, "png", standing(png));
});

start().catch((error) => {
  document.getElementById("atlas").hidden = true;
  document.getElementById("failure").textContent = typeof DecompressionStream === "undefined"
    ? "This browser is too old to draw the maps: one of 2023 or later can. All else on this page works."
    : `The maps cannot be drawn: ${error.message}. All else on this page works.`;
});

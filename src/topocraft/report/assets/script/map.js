// One map: two canvases, the marks below, and rings, lasso and names above.

const HOVER_PIXELS = 9;
const MOST_RINGS = 400;

function element(tag, attributes = {}, ...children) {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (name in made) made[name] = value;
    else made.setAttribute(name, value);
  }
  made.append(...children);
  return made;
}

function makeMap(title, marks, atlas) {
  const under = element("canvas");
  const over = element("canvas", { className: "over", tabIndex: 0 });
  over.setAttribute("role", "application");
  over.setAttribute("aria-label", `${title}. Arrow keys move, plus and minus zoom, 0 shows all, Escape clears.`);
  const map = {
    title, marks, under, over, view: wholeView(), paint: null, rings: [], path: [],
    shuffled: shuffledMarks(marks.n), painter: makePainter(under, marks),
  };
  map.look = (view) => { map.view = view; drawLater(map, atlas); };
  map.lassoing = (path) => { map.path = path; drawLater(map, atlas); };
  map.lassoed = (path) => {
    map.path = [];
    atlas.lassoed(map, path.length > 2 ? marksInside(marks, path.map((share) => toUnit(map.view, share))) : []);
  };
  map.hovered = (share, event) => atlas.hovered(map, markAt(map, share), event);
  map.left = () => atlas.hovered(map, -1);
  under.addEventListener("webglcontextlost", (event) => event.preventDefault());
  under.addEventListener("webglcontextrestored", () => {
    map.painter = makePainter(under, marks);
    map.painter.load(map.paint);
    drawLater(map, atlas);
  });
  listen(over, map, atlas.mode);
  map.figure = framed(map);
  new ResizeObserver(() => drawLater(map, atlas)).observe(over);
  return map;
}

function framed(map) {
  const look = (view) => () => map.look(view());
  const button = (text, label, onclick) => element("button", { type: "button", textContent: text, onclick, "aria-label": label });
  return element("figure", { className: "map" },
    element("figcaption", {}, map.title, element("span", {},
      button("+", `Closer, ${map.title}`, look(() => zoomed(map.view, STEP, 0.5, 0.5))),
      button("−", `Further, ${map.title}`, look(() => zoomed(map.view, 1 / STEP, 0.5, 0.5))),
      button("All", `Show all, ${map.title}`, look(wholeView)))),
    element("div", { className: "stage" }, map.under, map.over),
    element("p", { className: "tools" },
      button("Save as SVG", `Save ${map.title} as SVG`, () => saveMap(map, "svg")),
      button("Save as PNG", `Save ${map.title} as PNG`, () => saveMap(map, "png"))));
}

function markAt(map, share) {
  const reach = HOVER_PIXELS / map.over.clientWidth / map.view.scale;
  return nearestMark(map.marks, ...toUnit(map.view, share), Math.max(reach, map.marks.side));
}

function frameOf(map, pixels) {
  const { marks, view } = map;
  const closer = view.scale / MARGIN;
  const dot = Math.min(9, Math.max(1.6, 260 / Math.sqrt(marks.n)) * Math.sqrt(closer)) * pixels / 520;
  return { ...view, pixels, size: marks.side ? Math.max(1, marks.side * view.scale * pixels * 1.02) : Math.max(dot, 1.5) };
}

function drawLater(map, atlas) {
  if (map.waiting) return;
  map.waiting = requestAnimationFrame(() => { map.waiting = 0; drawNow(map, atlas); });
}

function drawNow(map, atlas) {
  const pixels = Math.round(map.over.clientWidth * devicePixelRatio);
  if (!pixels || !map.paint) return;
  if (map.under.width !== pixels) {
    for (const canvas of [map.under, map.over]) canvas.width = canvas.height = pixels;
  }
  map.painter.draw(frameOf(map, pixels));
  const context = map.over.getContext("2d");
  context.clearRect(0, 0, pixels, pixels);
  drawOver(context, map, atlas, pixels);
}

function drawOver(context, map, atlas, pixels) {
  const ink = getComputedStyle(document.body).color;
  const at = (x, y) => [x * pixels, (1 - y) * pixels];
  context.lineWidth = 1.5 * devicePixelRatio;
  context.strokeStyle = ink;
  drawNames(context, map, atlas.namesOf(map), pixels);
  for (const mark of map.rings) {
    context.beginPath();
    context.arc(...at(...toShare(map.view, map.marks.x[mark], map.marks.y[mark])), 5 * devicePixelRatio, 0, 2 * Math.PI);
    context.stroke();
  }
  if (map.path.length > 1) {
    context.beginPath();
    map.path.forEach((share) => context.lineTo(...at(...share)));
    context.closePath();
    context.setLineDash([5 * devicePixelRatio, 4 * devicePixelRatio]);
    context.stroke();
    context.setLineDash([]);
  }
}

function drawNames(context, map, names, pixels) {
  const style = getComputedStyle(document.body);
  context.font = `600 ${12 * pixels / map.over.clientWidth}px system-ui, sans-serif`;
  context.textAlign = "center";
  context.lineJoin = "round";
  for (const { text, x, y } of names) {
    const [place, up] = toShare(map.view, x, y);
    const half = (context.measureText(text).width / 2 + 4) / pixels;
    const across = place < 0 || place > 1 ? place : Math.min(Math.max(place, half), 1 - half);
    context.lineWidth = 3.5 * pixels / map.over.clientWidth;
    context.strokeStyle = style.backgroundColor;
    context.strokeText(text, across * pixels, (1 - up) * pixels);
    context.fillStyle = style.color;
    context.fillText(text, across * pixels, (1 - up) * pixels);
  }
}

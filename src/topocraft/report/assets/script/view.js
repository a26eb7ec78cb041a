// Where one looks: the part of the unit square that a map shows, moved by pointer, wheel and keys.

const MARGIN = 0.94;
const [CLOSEST, STEP, NUDGE] = [60, 1.4, 0.1];

function wholeView() {
  return { scale: MARGIN, x: (1 - MARGIN) / 2, y: (1 - MARGIN) / 2 };
}

function zoomed(view, factor, x, y) {
  const scale = Math.min(CLOSEST, Math.max(MARGIN / 2, view.scale * factor));
  const by = scale / view.scale;
  return { scale, x: x - (x - view.x) * by, y: y - (y - view.y) * by };
}

function moved(view, x, y) {
  return { ...view, x: view.x + x, y: view.y + y };
}

// From a pointer event to shares of the map, y upwards.
function shareOf(event, element) {
  const box = element.getBoundingClientRect();
  return [(event.clientX - box.left) / box.width, 1 - (event.clientY - box.top) / box.height];
}

function toUnit(view, [x, y]) {
  return [(x - view.x) / view.scale, (y - view.y) / view.scale];
}

function toShare(view, x, y) {
  return [x * view.scale + view.x, y * view.scale + view.y];
}

// Tells `map` of what the user does: hovered(share, event), left(), lassoed(shares), look(view).
function listen(element, map, mode) {
  let path = null;
  let last = null;
  element.addEventListener("pointerdown", (event) => {
    if (event.button) return;
    element.setPointerCapture(event.pointerId);
    last = shareOf(event, element);
    path = mode() === "lasso" && !event.shiftKey ? [last] : null;
    map.left();
  });
  element.addEventListener("pointermove", (event) => {
    const share = shareOf(event, element);
    if (path) {
      path.push(share);
      map.lassoing(path);
    } else if (last) {
      map.look(moved(map.view, share[0] - last[0], share[1] - last[1]));
      last = share;
    } else {
      map.hovered(share, event);
    }
  });
  const ended = () => {
    if (path) map.lassoed(path);
    path = last = null;
  };
  element.addEventListener("pointerup", ended);
  element.addEventListener("pointercancel", () => { path = last = null; map.lassoing([]); });
  element.addEventListener("pointerleave", () => map.left());
  element.addEventListener("wheel", (event) => {
    if (!event.ctrlKey && document.activeElement !== element) return;
    event.preventDefault();
    map.look(zoomed(map.view, Math.exp(-event.deltaY / 300), ...shareOf(event, element)));
  }, { passive: false });
  element.addEventListener("keydown", (event) => {
    const looks = keyed(map.view)[event.key];
    if (!looks || event.ctrlKey || event.metaKey || event.altKey) return;
    event.preventDefault();
    map.look(looks());
  });
}

function keyed(view) {
  return {
    "+": () => zoomed(view, STEP, 0.5, 0.5),
    "=": () => zoomed(view, STEP, 0.5, 0.5),
    "-": () => zoomed(view, 1 / STEP, 0.5, 0.5),
    0: wholeView,
    ArrowLeft: () => moved(view, NUDGE, 0),
    ArrowRight: () => moved(view, -NUDGE, 0),
    ArrowUp: () => moved(view, 0, -NUDGE),
    ArrowDown: () => moved(view, 0, NUDGE),
  };
}

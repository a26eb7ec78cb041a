// From the codes of a column to colours.

const MISSING = 255;
const BLACK = "#000000";

function isDark() {
  if (matchMedia("print").matches) return false;
  const chosen = document.documentElement.dataset.theme;
  return chosen ? chosen === "dark" : matchMedia("(prefers-color-scheme: dark)").matches;
}

function missingColour() {
  return isDark() ? "#5a6068" : "#b9bec4";
}

function dimColour() {
  return isDark() ? "#2c3138" : "#e4e7ea";
}

// Black is one of the eight colours; on a dark page it is white.
function shownColour(colour) {
  return isDark() && colour === BLACK ? "#ffffff" : colour;
}

function channels(colour) {
  return [1, 3, 5].map((start) => parseInt(colour.slice(start, start + 2), 16));
}

// A table of red, green, blue for the codes 0 to 255.
function colourTable(column, shades) {
  const table = new Uint8Array(3 * 256);
  const missing = channels(missingColour());
  for (let code = 0; code < 256; code++) table.set(missing, 3 * code);
  if (column.isText) {
    column.colours.forEach((colour, code) => table.set(channels(shownColour(colour)), 3 * code));
  } else {
    for (let code = 0; code < MISSING; code++) table.set(between(shades, code / (MISSING - 1)), 3 * code);
  }
  return table;
}

function between(shades, share) {
  const place = share * (shades.length - 1);
  const low = Math.min(Math.floor(place), shades.length - 2);
  const [from, to] = [channels(shades[low]), channels(shades[low + 1])];
  return from.map((value, channel) => Math.round(value + (to[channel] - value) * (place - low)));
}

function hex(table, code) {
  return "#" + [0, 1, 2].map((channel) => table[3 * code + channel].toString(16).padStart(2, "0")).join("");
}

function valueText(column, code) {
  if (code === MISSING) return "none";
  if (column.isText) return column.names[code];
  return String(Number((column.low + (column.high - column.low) * code / (MISSING - 1)).toPrecision(3)));
}

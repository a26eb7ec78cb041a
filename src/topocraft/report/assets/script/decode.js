// Packed columns: base64 of gzip, as the page holds them.

const STEPS = 65535;

function readJson(id) {
  return JSON.parse(document.getElementById(id).textContent);
}

async function unpacked(text) {
  const bytes = Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0));
  const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("gzip"));
  return new Response(stream).arrayBuffer();
}

async function decoded(data) {
  const maps = await Promise.all(data.maps.map(async (map) => ({
    title: map.title,
    ...(await places(map, data.squares)),
  })));
  const columns = await Promise.all(data.columns.map(async (column) => ({
    ...column,
    codes: new Uint8Array(await unpacked(column.codes)),
    isText: column.names.length > 0,
  })));
  const names = data.names && JSON.parse(new TextDecoder().decode(await unpacked(data.names)));
  return { n: data.n, squares: data.squares, maps, columns, names, rows: await rowsOf(data) };
}

async function places(map, squares) {
  const Kind = squares ? Uint8Array : Uint16Array;
  const [x, y] = await Promise.all([map.x, map.y].map(async (text) => new Kind(await unpacked(text))));
  return { x, y, steps: squares ? squares - 1 : STEPS };
}

async function rowsOf(data) {
  if (!data.rows) return Uint32Array.from({ length: data.n }, (_, place) => place);
  const rows = new Uint32Array(await unpacked(data.rows));
  for (let place = 1; place < rows.length; place++) rows[place] += rows[place - 1];
  return rows;
}

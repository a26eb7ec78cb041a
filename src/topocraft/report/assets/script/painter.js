// Marks to pixels: WebGL on the screen; plain canvas where there is none, and for files.

const VERTEX = `#version 300 es
in vec2 place; in vec4 colour; out vec4 ink;
uniform vec4 frame; uniform float size;
void main() {
  gl_Position = vec4(place * frame.xy + frame.zw, 0.0, 1.0);
  gl_PointSize = size;
  ink = colour;
}`;
const FRAGMENT = `#version 300 es
precision highp float;
in vec4 ink; out vec4 pixel;
uniform bool disc;
uniform float size;
void main() {
  float cover = 1.0;
  if (disc) cover = clamp((0.5 - distance(gl_PointCoord, vec2(0.5))) * size + 0.5, 0.0, 1.0);
  pixel = vec4(ink.rgb, 1.0) * ink.a * cover;
}`;

function makePainter(canvas, marks) {
  const gl = canvas.getContext("webgl2", { antialias: false, preserveDrawingBuffer: true });
  return gl ? graphicsPainter(gl, marks) : plainPainter(canvas, marks);
}

function graphicsPainter(gl, marks) {
  const program = gl.createProgram();
  for (const [kind, source] of [[gl.VERTEX_SHADER, VERTEX], [gl.FRAGMENT_SHADER, FRAGMENT]]) {
    const shader = gl.createShader(kind);
    gl.shaderSource(shader, source);
    gl.compileShader(shader);
    gl.attachShader(program, shader);
  }
  gl.linkProgram(program);
  gl.useProgram(program);
  const places = new Float32Array(2 * marks.n);
  for (let mark = 0; mark < marks.n; mark++) places.set([marks.x[mark], marks.y[mark]], 2 * mark);
  attribute(gl, program, "place", 2, gl.FLOAT, false);
  gl.bufferData(gl.ARRAY_BUFFER, places, gl.STATIC_DRAW);
  const colours = attribute(gl, program, "colour", 4, gl.UNSIGNED_BYTE, true);
  const order = gl.createBuffer();
  gl.bindBuffer(gl.ELEMENT_ARRAY_BUFFER, order);
  gl.enable(gl.BLEND);
  gl.blendFunc(gl.ONE, gl.ONE_MINUS_SRC_ALPHA);
  const uniform = (name) => gl.getUniformLocation(program, name);
  return {
    load(paint) {
      gl.bindBuffer(gl.ARRAY_BUFFER, colours);
      gl.bufferData(gl.ARRAY_BUFFER, paint.colours, gl.DYNAMIC_DRAW);
      gl.bufferData(gl.ELEMENT_ARRAY_BUFFER, paint.order, gl.DYNAMIC_DRAW);
    },
    draw(frame) {
      gl.viewport(0, 0, frame.pixels, frame.pixels);
      gl.clearColor(0, 0, 0, 0);
      gl.clear(gl.COLOR_BUFFER_BIT);
      const scale = 2 * frame.scale;
      gl.uniform4f(uniform("frame"), scale, scale, 2 * frame.x - 1, 2 * frame.y - 1);
      gl.uniform1f(uniform("size"), frame.size);
      gl.uniform1i(uniform("disc"), marks.side ? 0 : 1);
      gl.drawElements(gl.POINTS, marks.n, gl.UNSIGNED_INT, 0);
    },
  };
}

function attribute(gl, program, name, parts, kind, normalised) {
  const buffer = gl.createBuffer();
  const place = gl.getAttribLocation(program, name);
  gl.bindBuffer(gl.ARRAY_BUFFER, buffer);
  gl.enableVertexAttribArray(place);
  gl.vertexAttribPointer(place, parts, kind, normalised, 0, 0);
  return buffer;
}

function plainPainter(canvas, marks) {
  const context = canvas.getContext("2d");
  let held = null;
  return {
    load(paint) { held = paint; },
    draw(frame) {
      context.clearRect(0, 0, frame.pixels, frame.pixels);
      paintPlainly(context, marks, held, frame);
    },
  };
}

function paintPlainly(context, marks, paint, frame) {
  const half = frame.size / 2;
  for (const mark of paint.order) {
    const x = (marks.x[mark] * frame.scale + frame.x) * frame.pixels;
    const y = (1 - marks.y[mark] * frame.scale - frame.y) * frame.pixels;
    if (x < -half || y < -half || x > frame.pixels + half || y > frame.pixels + half) continue;
    const [red, green, blue, alpha] = paint.colours.subarray(4 * mark, 4 * mark + 4);
    context.fillStyle = `rgba(${red},${green},${blue},${alpha / 255})`;
    if (marks.side) {
      context.fillRect(x - half, y - half, frame.size, frame.size);
    } else {
      context.beginPath();
      context.arc(x, y, half, 0, 2 * Math.PI);
      context.fill();
    }
  }
}

// Colours of all marks, and the order in which they are drawn: by chance, so that no batch covers the others, and
// what is not shown beneath what is.
function makePaint(marks, column, table, shown, shuffled) {
  const colours = new Uint8Array(4 * marks.n);
  const dim = channels(dimColour());
  const below = [];
  const above = [];
  for (const mark of shuffled) {
    const code = codeOf(marks, mark, column, shown);
    const rgb = code < 0 ? dim : table.subarray(3 * code, 3 * code + 3);
    colours.set(rgb, 4 * mark);
    colours[4 * mark + 3] = code < 0 ? 150 : opacity(marks, mark);
    (code < 0 ? below : above).push(mark);
  }
  return { colours, order: Uint32Array.from(below.concat(above)) };
}

function opacity(marks, mark) {
  if (!marks.start) return 225;
  const count = marks.start[mark + 1] - marks.start[mark];
  return Math.round(255 * (0.3 + 0.7 * Math.log1p(count) / Math.log1p(marks.most)));
}

function shuffledMarks(n) {
  const order = Uint32Array.from({ length: n }, (_, mark) => mark);
  for (let last = n - 1; last > 0; last--) {
    const other = Math.floor(chance(last) * (last + 1));
    [order[last], order[other]] = [order[other], order[last]];
  }
  return order;
}

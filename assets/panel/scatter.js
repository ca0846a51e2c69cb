/**
 * A scatter plot in WebGL 2: as many points as there are, in colors, some of them marked, under a camera.
 *
 * Positions are whole numbers of two bytes from 0 to `SIDE`; on the outside, places are parts of the map from 0 to 1, y
 * upwards, or pixels from the upper left corner.
 */

const SIDE = 65535;
const FIT = 0.94; // of the canvas that all points together take, at zoom 1
const CELLS = 256; // of the grid in which points are looked for, each way
const MOVING = 100_000; // points that are drawn while the map moves
const ROW = 1024; // colors side by side in the texture
const REST = 150; // milliseconds after which the map is at rest
const CHOSEN = 1;
const OUTSIDE = 2;

const VERTEX = `#version 300 es
in vec2 place; in float color; in float mark;
uniform vec4 camera; uniform float size; uniform bool someChosen; uniform sampler2D palette;
out vec4 shade;
void main() {
  int i = int(color);
  vec4 own = texelFetch(palette, ivec2(i % ${ROW}, i / ${ROW}), 0);
  bool chosen = mod(mark, 2.) > .5, outside = mark > 1.5, quiet = someChosen && !chosen;
  gl_Position = vec4((place * 2. - 1.) * camera.xy + camera.zw, outside ? .8 : quiet ? .4 : 0., 1);
  if (own.a < .01) gl_Position = vec4(2, 2, 2, 1);
  gl_PointSize = chosen && someChosen ? size * 1.3 : size;
  float strength = outside ? .12 : quiet ? .3 : 1.;
  shade = vec4(own.rgb * strength, strength);
}`;
const FRAGMENT = `#version 300 es
precision mediump float; in vec4 shade; uniform bool round; out vec4 color;
void main() { if (round && length(gl_PointCoord - .5) > .5) discard; color = shade; }`;

/** @returns {boolean} whether this browser draws with WebGL 2 */
export function hasWebGL() {
  const gl = document.createElement("canvas").getContext("webgl2");
  gl?.getExtension("WEBGL_lose_context")?.loseContext(); // a page has few of them
  return Boolean(gl);
}

export class Scatter {
  /**
   * @param {HTMLCanvasElement} canvas
   * @param {Uint16Array} x
   * @param {Uint16Array} y
   */
  constructor(canvas, x, y) {
    this.canvas = canvas;
    this.x = x;
    this.y = y;
    this.n = x.length;
    this.camera = { zoom: 1, x: 0, y: 0 };
    this.draws = 0;
    this.colors = new Uint16Array(this.n);
    this.palette = new Uint8Array([128, 128, 128, 255]);
    this.marks = new Uint8Array(this.n);
    this.someChosen = false;
    /** @type {() => void} called after each picture, for what lies over it */
    this.onDraw = () => {};
    this.width = this.height = 1;
    this.frame = this.resting = 0;
    this.moving = false;
    this.#sortIntoCells();
    this.lost = (event) => event.preventDefault(); // else the context never comes back
    this.restored = () => (this.#begin(), this.draw());
    canvas.addEventListener("webglcontextlost", this.lost);
    canvas.addEventListener("webglcontextrestored", this.restored);
    this.#begin();
  }

  #begin() {
    const gl = (this.gl = this.canvas.getContext("webgl2", { antialias: false, premultipliedAlpha: true }));
    if (!gl) throw new Error("this browser has no WebGL 2");
    const program = gl.createProgram();
    for (const [kind, source] of [[gl.VERTEX_SHADER, VERTEX], [gl.FRAGMENT_SHADER, FRAGMENT]]) {
      const shader = gl.createShader(kind);
      gl.shaderSource(shader, source);
      gl.compileShader(shader);
      gl.attachShader(program, shader);
    }
    gl.linkProgram(program);
    if (!gl.isContextLost() && !gl.getProgramParameter(program, gl.LINK_STATUS)) {
      throw new Error("the map's shaders do not run in this browser");
    }
    gl.useProgram(program);
    gl.enable(gl.DEPTH_TEST);
    gl.depthFunc(gl.LEQUAL);
    this.place = Object.fromEntries(
      ["camera", "size", "someChosen", "round"].map((name) => [name, gl.getUniformLocation(program, name)])
    );
    const places = new Uint16Array(2 * this.n);
    for (let i = 0; i < this.n; i++) {
      places[2 * i] = this.x[i];
      places[2 * i + 1] = this.y[i];
    }
    const attribute = (name, data, size, type, normalized) => {
      const made = { buffer: gl.createBuffer(), index: gl.getAttribLocation(program, name), size, type, normalized };
      made.bytes = size * data.BYTES_PER_ELEMENT;
      gl.bindBuffer(gl.ARRAY_BUFFER, made.buffer);
      gl.bufferData(gl.ARRAY_BUFFER, data, gl.DYNAMIC_DRAW);
      gl.enableVertexAttribArray(made.index);
      return made;
    };
    this.attributes = {
      place: attribute("place", places, 2, gl.UNSIGNED_SHORT, true),
      color: attribute("color", this.colors, 1, gl.UNSIGNED_SHORT, false),
      mark: attribute("mark", this.marks, 1, gl.UNSIGNED_BYTE, false),
    };
    gl.bindTexture(gl.TEXTURE_2D, gl.createTexture());
    for (const filter of [gl.TEXTURE_MIN_FILTER, gl.TEXTURE_MAG_FILTER]) gl.texParameteri(gl.TEXTURE_2D, filter, gl.NEAREST);
    this.#sendPalette();
  }

  #sendPalette() {
    const { gl } = this;
    const rows = Math.ceil(this.palette.length / 4 / ROW);
    const filled = new Uint8Array(4 * ROW * rows);
    filled.set(this.palette);
    gl.texImage2D(gl.TEXTURE_2D, 0, gl.RGBA, ROW, rows, 0, gl.RGBA, gl.UNSIGNED_BYTE, filled);
  }

  #send(attribute, data) {
    const { gl } = this;
    gl.bindBuffer(gl.ARRAY_BUFFER, attribute.buffer);
    gl.bufferSubData(gl.ARRAY_BUFFER, 0, data);
  }

  /** Points by cell, so that few have to be looked at: those of cell `c` are `order[start[c]]` to `order[start[c + 1]]`. */
  #sortIntoCells() {
    this.start = new Uint32Array(CELLS * CELLS + 1);
    this.order = new Uint32Array(this.n);
    const cell = (i) => (this.y[i] >> 8) * CELLS + (this.x[i] >> 8);
    for (let i = 0; i < this.n; i++) this.start[cell(i) + 1]++;
    for (let c = 0; c < CELLS * CELLS; c++) this.start[c + 1] += this.start[c];
    const next = this.start.slice();
    for (let i = 0; i < this.n; i++) this.order[next[cell(i)]++] = i;
  }

  #eachIn(low, high, visit) {
    const cell = (value) => Math.max(0, Math.min(CELLS - 1, Math.floor(value) >> 8));
    for (let row = cell(low[1]); row <= cell(high[1]); row++) {
      const end = this.start[row * CELLS + cell(high[0]) + 1];
      for (let at = this.start[row * CELLS + cell(low[0])]; at < end; at++) visit(this.order[at]);
    }
  }

  /**
   * @param {Uint16Array} colors a place in the palette for each point
   * @param {Uint8Array} palette red, green, blue and alpha of each color; without alpha a point is hidden
   */
  setColors(colors, palette) {
    this.colors = colors;
    this.setPalette(palette);
    this.#send(this.attributes.color, colors);
  }

  /** @param {Uint8Array} palette */
  setPalette(palette) {
    this.palette = palette;
    this.#sendPalette();
    this.draw();
  }

  /**
   * @param {Iterable<number>} chosen rows of the points that stand out
   * @param {Uint8Array | null} inside for each point whether it is in the user's view, null if all are
   */
  setMarks(chosen, inside) {
    this.marks.fill(0);
    this.someChosen = false;
    if (inside) for (let i = 0; i < this.n; i++) if (!inside[i]) this.marks[i] = OUTSIDE;
    for (const i of chosen) {
      this.marks[i] |= CHOSEN;
      this.someChosen = true;
    }
    this.#send(this.attributes.mark, this.marks);
    this.draw();
  }

  /** Says how large the map is on the page, in pixels of the page. */
  resize(width, height) {
    const ratio = window.devicePixelRatio || 1;
    [this.width, this.height] = [width, height];
    this.canvas.width = Math.round(width * ratio);
    this.canvas.height = Math.round(height * ratio);
    this.paint();
  }

  /** Moves the camera; while it moves, a part of many points is drawn. */
  look(camera) {
    this.camera = camera;
    this.moving = true;
    clearTimeout(this.resting);
    this.resting = setTimeout(() => {
      this.moving = false;
      this.draw();
    }, REST);
    this.draw();
  }

  /** Moves the camera so that what is at a pixel stays there. */
  zoomAt(factor, px, py) {
    const zoom = Math.max(0.5, Math.min(400, this.camera.zoom * factor));
    const by = zoom / this.camera.zoom;
    const [x, y] = [(px / this.width) * 2 - 1, 1 - (py / this.height) * 2];
    this.look({ zoom, x: x - (x - this.camera.x) * by, y: y - (y - this.camera.y) * by });
  }

  /** Moves the camera by pixels. */
  pan(dx, dy) {
    const { zoom, x, y } = this.camera;
    this.look({ zoom, x: x + (dx / this.width) * 2, y: y - (dy / this.height) * 2 });
  }

  /** Paints at the next frame. */
  draw() {
    this.frame ||= requestAnimationFrame(() => this.paint());
  }

  /** Paints now. */
  paint() {
    cancelAnimationFrame(this.frame);
    this.frame = 0;
    if (!this.gl.isContextLost()) this.#paintPoints();
    this.onDraw(); // names stand there also while the browser has taken the context away
  }

  #paintPoints() {
    const { gl } = this;
    const { zoom, x, y } = this.camera;
    const step = this.moving ? Math.ceil(this.n / MOVING) : 1;
    const size = (this.n > 1e5 ? 1.5 : this.n > 1e4 ? 3 : 5) * (window.devicePixelRatio || 1) * Math.min(4, Math.sqrt(zoom));
    for (const { buffer, index, size: parts, type, normalized, bytes } of Object.values(this.attributes)) {
      gl.bindBuffer(gl.ARRAY_BUFFER, buffer);
      gl.vertexAttribPointer(index, parts, type, normalized, bytes * Math.min(step, 63), 0);
    }
    gl.viewport(0, 0, this.canvas.width, this.canvas.height);
    gl.clear(gl.COLOR_BUFFER_BIT | gl.DEPTH_BUFFER_BIT);
    gl.uniform4f(this.place.camera, FIT * zoom, FIT * zoom, x, y);
    gl.uniform1f(this.place.size, size);
    gl.uniform1i(this.place.round, size > 3 ? 1 : 0);
    gl.uniform1i(this.place.someChosen, this.someChosen ? 1 : 0);
    gl.drawArrays(gl.POINTS, 0, Math.floor(this.n / Math.min(step, 63)));
    this.draws++;
  }

  /** @returns {[number, number]} the pixel of a place */
  pixel(u, v) {
    const { zoom, x, y } = this.camera;
    return [(((u * 2 - 1) * FIT * zoom + x + 1) / 2) * this.width, ((1 - ((v * 2 - 1) * FIT * zoom + y)) / 2) * this.height];
  }

  /** @returns {[number, number]} the place at a pixel */
  placeAt(px, py) {
    const { zoom, x, y } = this.camera;
    const part = (clip, offset) => ((clip - offset) / (FIT * zoom) + 1) / 2;
    return [part((px / this.width) * 2 - 1, x), part(1 - (py / this.height) * 2, y)];
  }

  /** @returns {[number, number]} the pixel of a point */
  pixelOf(row) {
    return this.pixel(this.x[row] / SIDE, this.y[row] / SIDE);
  }

  /** @returns {number} the row of the visible point that is nearest to a pixel, -1 if none is near */
  nearest(px, py, radius = 8) {
    const low = this.placeAt(px - radius, py + radius).map((part) => part * SIDE);
    const high = this.placeAt(px + radius, py - radius).map((part) => part * SIDE);
    let [best, least] = [-1, radius * radius];
    this.#eachIn(low, high, (i) => {
      if (!this.palette[4 * this.colors[i] + 3]) return;
      const [x, y] = this.pixelOf(i);
      const distance = (x - px) ** 2 + (y - py) ** 2;
      if (distance < least) [best, least] = [i, distance];
    });
    return best;
  }

  /**
   * @param {[number, number][]} polygon places on the map
   * @returns {Uint32Array} the rows of the visible points inside
   */
  within(polygon) {
    const corners = polygon.map(([u, v]) => [u * SIDE, v * SIDE]);
    const bound = (pick) => [0, 1].map((axis) => pick(...corners.map((corner) => corner[axis])));
    const found = [];
    this.#eachIn(bound(Math.min), bound(Math.max), (i) => {
      if (!this.palette[4 * this.colors[i] + 3]) return;
      let inside = false;
      for (let a = 0, b = corners.length - 1; a < corners.length; b = a++) {
        const [ax, ay] = corners[a];
        const [bx, by] = corners[b];
        if (ay > this.y[i] !== by > this.y[i] && this.x[i] < ((bx - ax) * (this.y[i] - ay)) / (by - ay) + ax) inside = !inside;
      }
      if (inside) found.push(i);
    });
    return Uint32Array.from(found);
  }

  /** Gives back what the browser has few of. */
  destroy() {
    clearTimeout(this.resting);
    cancelAnimationFrame(this.frame);
    this.canvas.removeEventListener("webglcontextlost", this.lost);
    this.canvas.removeEventListener("webglcontextrestored", this.restored);
    this.gl.getExtension("WEBGL_lose_context")?.loseContext();
  }
}

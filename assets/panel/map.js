/** The map of a run: names and pictures over its points, a list beside it that says the same, a lasso and its actions. */

const query = new URL(import.meta.url).search;
const { React, h } = await import(`./host.js${query}`);
const { Scatter } = await import(`./scatter.js${query}`);
const { Gestures } = await import(`./gestures.js${query}`);
const { NameLayer, placeNames } = await import(`./names.js${query}`);
const { pack, read, unpack, useEvents } = await import(`./wire.js${query}`);
const { useFailure } = await import(`./guard.js${query}`);
const { Button, Dot, GROUND, LINE, QUIET, RAISED, Select, TEXT, keysOf } = await import(`./parts.js${query}`);
const { useEffect, useRef, useState } = React;

const LISTED = 10_000; // points that a lasso names one by one; around more it is sent as its corners
const CORNERS = 400; // of a lasso
const WIDE = 620; // pixels, from which the list is beside the map
const REST = 60; // milliseconds that the pointer rests before a picture is asked for
const ROW = { display: "flex", flexWrap: "wrap", gap: 6, alignItems: "center", minHeight: 34 }; // the map stays where it is
const FILL = { position: "absolute", inset: 0, width: "100%", height: "100%" };

/**
 * What a tab keeps of a map while another tab of the panel is open.
 * @typedef {object} Kept
 * @property {string} uid of the run
 * @property {string} digest of the positions
 * @property {number} serial another one for each map: a canvas whose context was given back gets no new one
 * @property {Uint16Array} x
 * @property {Uint16Array} y
 * @property {{zoom: number, x: number, y: number}} camera
 * @property {string} color
 * @property {Set<string>} hidden names of entries of the legend
 * @property {Lasso | null} lasso
 * @property {Map<number, object>} points what is known of the points that were pointed at
 */

/**
 * @typedef {object} Lasso
 * @property {Uint32Array} rows
 * @property {[number, number][]} [polygon] places
 * @property {number} [cluster] all of it is chosen
 */

/** @type {Map<string, Kept>} */
const maps = new Map();
let mounts = 0; // for who measures
let serial = 0;
const KEPT = 3;

/** @returns {Promise<Kept | null>} the map of a run; null if it has none any more */
async function load(view) {
  const { uid } = view.params;
  const known = maps.get(uid);
  if (known && known.digest === view.facts.digest) return known;
  const found = await read(view, "positions");
  if (found.gone) return null;
  const [x, y] = [found.x, found.y].map((text) => new Uint16Array(unpack(text).buffer));
  const made = { uid, digest: found.digest, serial: ++serial, x, y, camera: { zoom: 1, x: 0, y: 0 }, color: known?.color ?? "cluster" };
  maps.delete(uid);
  maps.set(uid, { ...made, hidden: new Set(), lasso: null, points: new Map() });
  if (maps.size > KEPT) maps.delete(maps.keys().next().value);
  return maps.get(uid);
}

/** @returns {object} the colors of the points, unpacked */
function unpacked(found) {
  const { n } = found;
  const bytes = unpack(found.places);
  const places = bytes.length === n ? new Uint16Array(bytes) : new Uint16Array(bytes.buffer);
  let inside = null;
  if (found.inside) {
    const bits = unpack(found.inside);
    inside = new Uint8Array(n);
    for (let i = 0; i < n; i++) inside[i] = (bits[i >> 3] >> (7 - (i & 7))) & 1;
  }
  return { ...found, places, inside };
}

function paletteOf({ entries }, hidden) {
  return Uint8Array.from(
    entries.flatMap(({ color, name }) => {
      const parts = [1, 3, 5].map((i) => parseInt(color.slice(i, i + 2), 16));
      return [...parts, name && hidden.has(name) ? 0 : 255];
    })
  );
}

/** @returns {object} a lasso as Python takes it */
function asParams({ rows, polygon, cluster }, map, colors) {
  if (cluster !== undefined) return { cluster };
  if (rows.length <= LISTED || !polygon) return { rows: pack(rows) };
  const step = Math.ceil(polygon.length / CORNERS);
  const hidden = colors.entries.flatMap(({ name }, place) => (name && map.hidden.has(name) ? [place] : []));
  return { polygon: polygon.filter((_, i) => i % step === 0), color: colors.color, hidden };
}

export function MapWidget({ schema }) {
  const { view } = schema;
  const { facts } = view;
  const call = useEvents(view);
  const fail = useFailure();
  const [map, setMap] = useState(() => maps.get(view.params.uid) ?? null);
  const [given, setColors] = useState(null);
  const colors = map && given?.uid === map.uid && given.n === map.x.length ? given : null; // both are on their way at once
  const [asked, setAsked] = useState(0); // another number asks for everything again
  const [chosen, setChosen] = useState(map?.lasso ?? null);
  const [lassoOn, setLassoOn] = useState(false);
  const [tip, setTip] = useState(null);
  const [says, setSays] = useState("");
  const [hidden, setHidden] = useState(map?.hidden ?? new Set());
  const [size, setSize] = useState({ width: 0, height: 0 });
  const [color, setColor] = useState(map?.color ?? "cluster");
  const parts = { box: useRef(), canvas: useRef(), names: useRef(), path: useRef(), root: useRef() };
  const drawn = useRef({}); // the drawing, and what its listeners have to know as it is now
  Object.assign(drawn.current, { map, colors, hidden, call, view });

  useEffect(() => {
    let left = false;
    load(view).then(
      (found) => {
        if (left) return;
        if (!found) return setSays("This run has no map any more.");
        setMap(found);
        setChosen(found.lasso);
        setHidden(found.hidden);
      },
      (error) => !left && setSays(error.message)
    );
    return () => { left = true; };
  }, [view.params.uid, facts.digest, asked]);

  useEffect(() => {
    let left = false;
    read(view, "colors", { color }).then(
      (found) => {
        if (left || found.gone) return;
        setColors({ ...unpacked(found), uid: view.params.uid });
        const kept = maps.get(view.params.uid);
        if (kept) Object.assign(kept, { color, points: new Map() }); // names are others by now
      },
      (error) => !left && setSays(error.message)
    );
    return () => { left = true; };
  }, [view.params.uid, facts.digest, color, facts.drawn, asked]);

  // Names are there before their pictures are made
  useEffect(() => {
    if (!colors) return undefined;
    let left = false;
    read(view, "portraits").then(({ portraits }) => {
      if (left || !portraits) return;
      for (const name of colors.names) name.picture = portraits[name.cluster];
      drawn.current.scatter?.draw();
    }, console.error);
    return () => { left = true; };
  }, [colors]);

  // The drawing itself, once for a map
  useEffect(() => {
    if (!map) return undefined;
    let scatter;
    try {
      scatter = new Scatter(parts.canvas.current, map.x, map.y);
    } catch (error) {
      fail(error);
      return undefined;
    }
    scatter.camera = map.camera;
    const layer = new NameLayer(parts.names.current);
    scatter.onDraw = () => {
      const root = parts.root.current;
      root.dataset.draws = scatter.draws; // for who measures
      root.dataset.zoom = scatter.camera.zoom.toFixed(3);
      const names = drawn.current.colors?.names ?? [];
      const { width, height, camera } = scatter;
      const shown = names.filter((name) => !drawn.current.hidden.has(name.text));
      layer.show(placeNames(shown, scatter.pixel.bind(scatter), { width, height, zoom: camera.zoom }));
      const { polygon } = drawn.current.map.lasso ?? {};
      showPath(parts.path.current, polygon ? polygon.map((place) => scatter.pixel(...place)) : []);
    };
    let timer;
    const told = {
      onLook() {
        drawn.current.map.camera = scatter.camera;
        setTip(null);
      },
      onPoint(row, x, y) {
        clearTimeout(timer);
        parts.box.current.dataset.at = row;
        if (row < 0) return setTip(null);
        const known = map.points.get(row);
        if (known) return setTip({ ...known, x, y });
        timer = setTimeout(() => {
          read(drawn.current.view, "point", { row, digest: map.digest }).then((found) => {
            if (found.gone) return;
            map.points.set(row, found);
            if (hand.at === row) setTip({ ...found, x, y });
          }, console.error);
        }, REST);
        return undefined;
      },
      onClick(row, whole) {
        const { colors: known, call: send, view: now } = drawn.current;
        if (row < 0) return choose(null);
        if (whole) return chooseWhole(row);
        setSays("");
        return send("on_map_click", { row, digest: map.digest }).then(heed, (error) => setSays(error.message));
      },
      onLasso(path, ended) {
        showPath(parts.path.current, path);
        if (!ended) return;
        const polygon = path.map((pixel) => scatter.placeAt(...pixel));
        const rows = path.length > 2 ? scatter.within(polygon) : [];
        choose(rows.length ? { rows, polygon } : null);
      },
    };
    const hand = new Gestures(parts.box.current, scatter, told);
    Object.assign(drawn.current, { scatter, hand });
    const watch = new ResizeObserver(([{ contentRect }]) => {
      scatter.resize(contentRect.width, contentRect.height);
    });
    watch.observe(parts.box.current);
    return () => {
      watch.disconnect();
      clearTimeout(timer);
      hand.destroy();
      scatter.destroy();
      layer.show([]);
      Object.assign(drawn.current, { scatter: null, hand: null });
    };
  }, [map]);

  useEffect(() => {
    parts.root.current.dataset.mounts = ++mounts;
    const watch = new ResizeObserver(([{ contentRect }]) => setSize({ width: contentRect.width, height: contentRect.height }));
    watch.observe(parts.root.current);
    return () => watch.disconnect();
  }, []);

  useEffect(() => {
    const { scatter } = drawn.current;
    if (scatter && colors) scatter.setColors(colors.places, paletteOf(colors, hidden));
  }, [map, colors, hidden]);

  useEffect(() => {
    const { scatter } = drawn.current;
    if (!scatter || !colors) return;
    const mark = (rows) => {
      drawn.current.scatter?.setMarks(rows, colors.inside);
      parts.root.current.dataset.marked = rows.length;
    };
    if (chosen || !facts.selected) mark(chosen?.rows ?? []);
    else {
      read(view, "selected").then((found) => {
        if (!found.gone && found.digest === map.digest) mark(new Uint32Array(unpack(found.rows).buffer));
      }, console.error);
    }
  }, [map, colors, chosen, facts.selected]);

  useEffect(() => {
    if (drawn.current.hand) drawn.current.hand.lasso = lassoOn;
  }, [map, lassoOn]);

  function choose(lasso) {
    drawn.current.map.lasso = lasso;
    setChosen(lasso);
    setSays("");
    setTip(null);
  }

  function chooseWhole(row) {
    const { colors: known, map: now } = drawn.current;
    const { cluster } = known.entries[known.places[row]];
    if (cluster === undefined) return;
    const rows = Uint32Array.from(Array.from(known.places.keys()).filter((i) => known.places[i] === known.places[row]));
    choose({ rows, cluster });
  }

  /** Python answers that the map is another one by now: everything is asked for again. */
  function heed(answer) {
    if (!answer?.stale) return false;
    maps.delete(view.params.uid);
    setAsked((count) => count + 1);
    setSays("The map is another one by now, so nothing was done. Choose again.");
    return true;
  }

  function act(method, more = {}, clears = false) {
    const params = { lasso: asParams(chosen, map, colors), digest: map.digest, ...more };
    call(method, params).then(
      (answer) => heed(answer) || (clears && answer.done && choose(null)),
      (error) => setSays(error.message)
    );
  }

  function hide(name) {
    const next = new Set(hidden);
    if (!next.delete(name)) next.add(name);
    map.hidden = next;
    setHidden(next);
  }

  const wide = size.width >= WIDE;
  const body = [
    h("div", { key: "map", style: { position: "relative", flex: "1 1 0", minWidth: 0, height: "min(62vh, 560px)", minHeight: 320 } },
      h("div", {
          ref: parts.box, tabIndex: 0, role: "application", "data-cy": "constellation-map-box",
          "aria-label": "Map of the clusters. Arrow keys move it, plus and minus zoom, 0 shows all. The list says the same.",
          style: { ...FILL, overflow: "hidden", touchAction: "none", borderRadius: 4, background: GROUND, cursor: lassoOn ? "crosshair" : "grab", willChange: "transform" },
        },
        h("canvas", { key: map?.serial ?? 0, ref: parts.canvas, "aria-hidden": true, style: FILL }),
        h("div", { ref: parts.names, "aria-hidden": true, style: { ...FILL, pointerEvents: "none" } }),
        h("svg", { "aria-hidden": true, style: { ...FILL, pointerEvents: "none" } },
          h("polygon", { ref: parts.path, fill: "rgba(255, 109, 4, .12)", stroke: "#ff6d04", strokeWidth: 2 })),
        tip && h(Tip, { ...tip, size: parts.box.current?.getBoundingClientRect() })
      )),
    colors && h(Legend, { key: "legend", colors, hidden, onHide: hide, wide, shown: facts.shown,
      onShow: (cluster) => call("on_card", { cluster }).catch((error) => setSays(error.message)) }),
  ];
  return h("div", { ref: parts.root, className: "constellation", "data-cy": "constellation-map", "data-ready": Boolean(colors), style: { color: TEXT } },
    h("div", { style: ROW },
      colors && h(Select, { label: "Color of the points", value: color, choices: colors.choices, onChoice: setColor }),
      h(Button, { pressed: lassoOn, onClick: () => setLassoOn(!lassoOn), title: "Drag around points to choose them" }, "Lasso"),
      h(Button, { "aria-label": "Zoom in", onClick: () => zoom(drawn.current.scatter, 1.4) }, "+"),
      h(Button, { "aria-label": "Zoom out", onClick: () => zoom(drawn.current.scatter, 1 / 1.4) }, "−"),
      h(Button, { onClick: () => (drawn.current.scatter.look({ zoom: 1, x: 0, y: 0 }), (map.camera = drawn.current.scatter.camera)) }, "Whole map")),
    h("div", { style: ROW },
      chosen && map && colors
        ? h(Actions, { n: chosen.rows.length, unit: facts.unit, goals: facts.goals, act, onClear: () => choose(null) })
        : h("span", { style: { color: QUIET, fontSize: 13 } }, map ? hint(lassoOn) : "Loading the map…")),
    says && h("p", { role: "status", style: { margin: "2px 0", fontSize: 13 } }, says),
    h("div", { style: { display: "flex", flexDirection: wide ? "row" : "column", gap: 8 } }, body));
}

const hint = (lassoOn) =>
  lassoOn ? "Drag around points to choose them." : "Click a point to see its cluster, Shift-click to choose all of it.";

function zoom(scatter, factor) {
  scatter?.zoomAt(factor, scatter.width / 2, scatter.height / 2);
}

function showPath(polygon, pixels) {
  polygon?.setAttribute("points", pixels.map((pixel) => pixel.join(",")).join(" "));
}

/** What can be done with what was chosen. */
function Actions({ n, unit, goals, act, onClear }) {
  const [tag, setTag] = useState("");
  const save = () => tag.trim() && (act("on_map_tag", { value: tag }), setTag(""));
  return [
    h("b", { key: "n", style: { fontSize: 13 } }, `${n.toLocaleString("en")} ${unit} chosen`),
    h(Button, { key: "only", strong: true, onClick: () => act("on_map_only") }, "Only these"),
    h(Button, { key: "new", onClick: () => act("on_map_new", {}, true) }, "New cluster"),
    h(Select, { key: "move", label: "Move to", value: "", choices: [["", "Move to…"], ...goals], onChoice: (value) => value && act("on_map_move", { value }, true), style: { maxWidth: 130 } }),
    h("input", { key: "tag", className: "constellation-field", "aria-label": "Tag for what was chosen", placeholder: "Tag…", value: tag, style: { width: 90 },
      onChange: (event) => setTag(event.target.value), onBlur: save, onKeyDown: keysOf(save, () => setTag("")) }),
    h(Button, { key: "remove", title: "Put them in no cluster", onClick: () => act("on_map_remove", {}, true) }, "Remove"),
    h(Button, { key: "clear", "aria-label": "Choose nothing", onClick: onClear }, "×"),
  ];
}

/** The picture and the cluster of what the pointer is at. */
function Tip({ x, y, name, picture, size }) {
  const [right, low] = [x > (size?.width ?? 0) / 2, y > (size?.height ?? 0) / 2];
  const place = { [right ? "right" : "left"]: (right ? size.width - x : x) + 12, [low ? "bottom" : "top"]: (low ? size.height - y : y) + 12 };
  return h("div", { "data-cy": "constellation-tip", style: { position: "absolute", ...place, pointerEvents: "none", background: RAISED, color: TEXT, padding: 4, borderRadius: 4, border: `1px solid ${LINE}`, maxWidth: 180, fontSize: 12, zIndex: 2 } },
    picture && h("img", { src: picture, alt: "", style: { display: "block", maxWidth: 168, maxHeight: 168, minHeight: 40, marginBottom: 3, imageRendering: "auto" } }),
    h("span", { style: { unicodeBidi: "plaintext", overflowWrap: "anywhere" } }, name));
}

/** The legend, which is the list that says what the map shows. */
function Legend({ colors, hidden, onHide, onShow, wide, shown }) {
  const { scale, entries } = colors;
  const style = { listStyle: "none", margin: 0, padding: 0, overflow: "auto", fontSize: 13, flex: wide ? "0 0 210px" : "none", maxHeight: wide ? "min(62vh, 560px)" : 180 };
  if (scale) {
    const shades = entries.slice(0, -1).filter((_, i) => i % 16 === 0).map(({ color }) => color);
    return h("div", { style: { ...style, overflow: "visible" } },
      h("div", null, scale.title),
      h("div", { "aria-hidden": true, style: { height: 12, borderRadius: 3, background: `linear-gradient(to right, ${shades.join(", ")})` } }),
      h("div", { style: { display: "flex", justifyContent: "space-between" } }, [scale.low, scale.high].map((value, i) => h("span", { key: i }, Number(value.toPrecision(4))))));
  }
  const listed = entries.filter(({ name, count }) => name && count).sort((a, b) => b.count - a.count);
  return h("ul", { style, "aria-label": "What the map shows" }, listed.map(({ cluster, name, color, count }) => {
    const off = hidden.has(name);
    const words = h("span", { style: { flex: 1, minWidth: 0, overflowWrap: "anywhere", unicodeBidi: "plaintext", textDecoration: off ? "line-through" : "none" } }, name);
    const number = h("span", { style: { color: QUIET } }, count.toLocaleString("en"));
    const row = { display: "flex", gap: 6, alignItems: "center", width: "100%", border: "none", background: cluster === shown && shown !== null ? RAISED : undefined };
    const known = cluster !== undefined && cluster >= 0;
    return h("li", { key: `${cluster} ${name}`, style: { display: "flex", alignItems: "center" } },
      h(Button, { pressed: !off, "aria-label": `Points of ${name} on the map`, onClick: () => onHide(name), style: { border: "none", outline: "none", padding: "5px 4px", opacity: off ? 0.35 : 1 } }, h(Dot, { color })),
      known
        ? h(Button, { title: "Show it in the grid", "aria-current": cluster === shown ? "true" : undefined, style: row, onClick: () => onShow(cluster) }, words, " ", number)
        : h("span", { style: { ...row, padding: "3px 9px" } }, words, number));
  }));
}

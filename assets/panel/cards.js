/** The cards of a run: a picture and a field for the name on each, in one list of which only what is in sight is drawn. */

const query = new URL(import.meta.url).search;
const { React, h } = await import(`./host.js${query}`);
const { Card, Unassigned } = await import(`./card.js${query}`);
const { Queue } = await import(`./queue.js${query}`);
const { Rows } = await import(`./window.js${query}`);
const { read, useEvents } = await import(`./wire.js${query}`);
const { Button, TEXT } = await import(`./parts.js${query}`);
const { useEffect, useLayoutEffect, useRef, useState } = React;

const NARROW = 158; // pixels, of a card
const GAP = 8;
const PADDING = 2; // of the list, for the outline of what has the focus
const MARGIN = 240; // pixels above and below the list in which cards are drawn already
const LOW = 360; // pixels, the least height of the list
const BELOW = 26; // pixels under it in the panel
const AT_ONCE = 12; // contact sheets in one question
const PAUSE = 40; // milliseconds in which a list that is scrolled asks for nothing
const FEW = 12; // cards among which those at the end are found without help

/**
 * What a tab keeps of the cards of a run while another tab of the panel is open.
 * @typedef {object} Kept
 * @property {object | null} data Python's answer
 * @property {Map<string, string | null>} sheets addresses by cluster and what is on the sheet
 * @property {Map<number, {text: string, field: string | null, refused?: boolean}>} drafts what is typed and not saved,
 *   and the field of the name that the typist saw
 * @property {Map<number, {text: string, saved: number}>} names what is being saved, and was, until it is read again
 * @property {Map<number, string>} errors why a name was refused
 * @property {number} clock counts names that were saved
 * @property {number} scroll pixels
 * @property {Queue} saving names
 * @property {Queue} ticking ticks
 * @property {boolean} asking for sheets
 */

/** @type {Map<string, Kept>} */
const lists = new Map();
const KEPT = 3;

/** @returns {Kept} what is kept of a run */
function keptOf(uid) {
  if (!lists.has(uid)) {
    const maps = { sheets: new Map(), drafts: new Map(), names: new Map(), errors: new Map() };
    lists.set(uid, { data: null, ...maps, clock: 0, scroll: 0, saving: new Queue(), ticking: new Queue(), asking: false });
    if (lists.size > KEPT) lists.delete(lists.keys().next().value);
  }
  return lists.get(uid);
}

const sheetKey = ({ cluster, sheet }) => `${cluster} ${sheet}`;

/** @returns {HTMLElement} what scrolls an element */
function scrollerOf(element) {
  let found = element.parentElement;
  while (found && !/auto|scroll/.test(getComputedStyle(found).overflowY)) found = found.parentElement;
  return found ?? document.documentElement;
}

export function CardsWidget({ schema }) {
  const { view } = schema;
  const { facts } = view;
  const { uid } = view.params;
  const call = useEvents(view);
  const kept = keptOf(uid);
  const [, setDrawn] = useState(0);
  const redraw = () => setDrawn((count) => count + 1);
  const [says, setSays] = useState("");
  const [ticks, setTicks] = useState(facts.ticks);
  const [typing, setTyping] = useState(false);
  const [size, setSize] = useState({ width: 0, height: LOW });
  const [sight, setSight] = useState([0, 2]);
  const box = useRef();
  const rows = useRef(null);
  rows.current ??= new Rows(320);
  const hand = useRef({ ticked: null, focus: null, wanted: null, size: null }); // as the last event left it

  const cards = kept.data?.cards ?? [];
  const ends = [kept.data?.noise, kept.data?.unassigned].filter(Boolean);
  const items = [...cards, ...ends];
  const columns = Math.max(1, Math.floor((size.width + GAP) / (NARROW + GAP)));
  rows.current.shape(items.length, columns);
  const placeOf = (cluster) => items.findIndex((card) => card.cluster === cluster);
  const pinned = [hand.current.focus, hand.current.wanted?.cluster].filter((cluster) => cluster != null).map(placeOf);
  const { slices, rest } = rows.current.slices(sight, pinned);
  const drawn = slices.flatMap(({ first, end }) => items.slice(first, end));

  useEffect(() => {
    if (kept.data?.print === facts.print) return undefined;
    let left = false;
    const { clock } = kept;
    read(view, "cards").then(
      (found) => {
        if (left) return;
        if (found.gone) return setSays("This run is not there any more; choose another one above.");
        kept.data = found;
        kept.names.forEach((name, cluster) => name.saved && name.saved <= clock && kept.names.delete(cluster));
        setSays("");
        redraw();
      },
      (error) => !left && setSays(error.message)
    );
    return () => { left = true; };
  }, [uid, facts.print]);

  useEffect(() => {
    if (!kept.ticking.waiting) setTicks(facts.ticks);
  }, [facts.ticks.join()]);

  // A list that scrolls in itself keeps the bars above it in sight; it ends where the panel does
  useLayoutEffect(() => {
    const element = box.current;
    const scroller = scrollerOf(element.parentElement);
    const fit = () => {
      const above = element.getBoundingClientRect().top - scroller.getBoundingClientRect().top + scroller.scrollTop;
      const height = Math.max(LOW, Math.floor(scroller.clientHeight - above - BELOW));
      const width = element.clientWidth - 2 * PADDING;
      const { width: before, height: known } = hand.current.size ?? {};
      if (width === before && height === known) return;
      hand.current.size = { width, height };
      setSize({ width, height });
    };
    fit();
    const watch = new ResizeObserver(fit);
    watch.observe(scroller);
    watch.observe(element);
    return () => watch.disconnect();
  }, [view]);

  useLayoutEffect(() => {
    box.current.scrollTop = kept.scroll;
  }, [uid, Boolean(kept.data)]);

  // What was drawn says how high rows are, and with that which ones are in sight
  useLayoutEffect(() => {
    const heights = new Map();
    box.current.querySelectorAll("[data-place]").forEach((card) => {
      heights.set(rows.current.rowOf(Number(card.dataset.place)), card.offsetHeight + GAP);
    });
    heights.forEach((height, row) => rows.current.measure(row, height));
    look();
    const { wanted } = hand.current;
    if (wanted && focusOn(wanted.cluster, wanted.part)) hand.current.wanted = null;
  });

  useEffect(() => {
    const timer = setTimeout(askForSheets, PAUSE);
    return () => clearTimeout(timer);
  });

  useEffect(() => {
    const place = placeOf(facts.shown);
    if (place < 0 || !size.width) return;
    const row = rows.current.rowOf(place);
    const [top, end] = [rows.current.top(row), rows.current.top(row + 1)];
    const { scrollTop, clientHeight } = box.current;
    if (top < scrollTop || end > scrollTop + clientHeight) box.current.scrollTop = top;
  }, [facts.shown, Boolean(kept.data), size.width > 0]);

  function look() {
    const { scrollTop, clientHeight } = box.current;
    const [first, end] = rows.current.between(scrollTop - MARGIN, scrollTop + clientHeight + MARGIN);
    if (sight[0] !== first || sight[1] !== end) setSight([first, end]);
  }

  function askForSheets() {
    const wanted = drawn.filter((card) => card.sheet && !kept.sheets.has(sheetKey(card))).slice(0, AT_ONCE);
    if (kept.asking || !wanted.length) return;
    kept.asking = true;
    const found = ({ sheets = {}, gone }) => {
      if (gone) setSays("This run is not there any more; choose another one above.");
      wanted.forEach((card) => kept.sheets.set(sheetKey(card), sheets[card.cluster] ?? null));
    };
    read(view, "sheets", { clusters: wanted.map((card) => card.cluster) })
      .then(found, (error) => (found({}), setSays(error.message)))
      .then(() => {
        kept.asking = false;
        redraw(); // and asks for those that came into sight meanwhile
      });
  }

  /** @returns {boolean} whether a part of a card is drawn, and has the focus now */
  function focusOn(cluster, part) {
    const card = box.current.querySelector(`[data-cluster="${cluster}"]`);
    const element = card?.querySelector(part === "name" ? "input" : "[data-picture]");
    if (!element) return false;
    element.focus({ preventScroll: true });
    if (part === "name") element.select();
    card.scrollIntoView({ block: "nearest" });
    return true;
  }

  function goTo(place, part) {
    const card = (part === "name" ? cards : items)[place];
    if (!card || focusOn(card.cluster, part)) return;
    hand.current.wanted = { cluster: card.cluster, part };
    redraw();
  }

  function saveName(card, text, field) {
    const { cluster, name } = card;
    kept.drafts.delete(cluster);
    kept.errors.delete(cluster);
    if (text === (kept.names.get(cluster)?.text ?? name)) return redraw();
    const entry = { text, saved: 0 };
    kept.names.set(cluster, entry);
    const save = () => {
      const now = kept.data.cards.find((one) => one.cluster === cluster);
      return call("on_name", { path: field ?? now?.field ?? card.field, value: text, quiet: true });
    };
    const lost = "This run is not there any more, so the name was not saved.";
    const ended = ({ name: saved, error = saved === undefined ? lost : "" }) => {
      if (kept.names.get(cluster) === entry) {
        kept.clock += 1;
        if (error) kept.names.delete(cluster);
        else kept.names.set(cluster, { text: saved, saved: kept.clock });
      }
      if (error) {
        kept.errors.set(cluster, error);
        if (!kept.drafts.has(cluster)) kept.drafts.set(cluster, { text, field: null, refused: true });
        if (!kept.data.cards.some((one) => one.cluster === cluster)) setSays(error);
      }
      redraw();
    };
    kept.saving.add(save).then(ended, (error) => ended({ error: error.message }));
    return redraw();
  }

  function tick(cluster, on, range) {
    const [from, to] = [hand.current.ticked, cluster].map((one) => cards.findIndex((card) => card.cluster === one));
    const between = cards.slice(Math.min(from, to), Math.max(from, to) + 1).map((card) => card.cluster);
    const which = range && from >= 0 ? between : [cluster];
    hand.current.ticked = cluster;
    setTicks((now) => [...now.filter((one) => !which.includes(one)), ...(on ? which : [])]);
    const ended = (answer) => kept.ticking.waiting || setTicks(answer.ticked ?? facts.ticks);
    const failed = (error) => (setSays(error.message), ended({}));
    kept.ticking.add(() => call("on_tick", { clusters: which, on })).then(ended, failed);
  }

  /** Keys on a card, but for those that are typed into its field. */
  function onKeys(event, card, place) {
    if (event.target.tagName === "INPUT" || event.ctrlKey || event.metaKey || event.altKey) return;
    const steps = { ArrowRight: 1, ArrowLeft: -1, ArrowDown: columns, ArrowUp: -columns };
    if (event.key.toLowerCase() === "x" && card.field) tick(card.cluster, !ticks.includes(card.cluster), event.shiftKey);
    else if (event.key in steps && event.target.dataset.picture !== undefined) goTo(place + steps[event.key], "picture");
    else return;
    event.preventDefault();
    event.stopPropagation();
  }

  const fail = (error) => setSays(error.message);
  const draw = (card, place) => {
    const { cluster } = card;
    const onShow = () => call("on_card", { cluster }).catch(fail);
    const props = { key: cluster, card, place, shown: cluster === facts.shown, onShow };
    if (card.why) return h(Unassigned, props);
    return h(Card, {
      ...props,
      kept,
      typing,
      ticked: ticks.includes(cluster),
      sheet: kept.sheets.get(sheetKey(card)),
      actions: kept.data.menus[card.field ? "cluster" : "noise"],
      onTick: (on, range) => tick(cluster, on, range),
      onMenu: (value) => call("on_menu", { cluster, value }).catch(fail),
      onName: (text, field, next) => (saveName(card, text, field), next && goTo(place + 1, "name")),
      onTyping: (on) => (setTyping(on), redraw()),
      onKeyDown: (event) => onKeys(event, card, place),
    });
  };
  const gap = (key, height) => height > 0 && h("div", { key, "aria-hidden": true, style: { gridColumn: "1 / -1", height: Math.max(height - GAP, 0) } });
  const children = slices.flatMap((slice) => [
    gap(`gap ${slice.first}`, slice.gap),
    ...items.slice(slice.first, slice.end).map((card, i) => draw(card, slice.first + i)),
  ]);
  const grid = { display: "grid", gridTemplateColumns: `repeat(${columns}, minmax(0, 1fr))`, gap: GAP, alignItems: "stretch" };
  return h("div", { className: "constellation", "data-cy": "constellation-cards", "data-ready": Boolean(kept.data), style: { color: TEXT } },
    says && h("p", { role: "status", style: { margin: "0 0 6px", fontSize: 13 } }, says),
    cards.length > FEW && ends.length > 0 && h("div", { style: { display: "flex", gap: 6, marginBottom: 6 } },
      ends.map(({ cluster, name, size: many }) => h(Button, { key: cluster, onClick: () => goTo(placeOf(cluster), "picture") }, `${name} · ${many.split(" · ")[0]}`))),
    h("div", {
        ref: box, role: "group", "aria-label": "Clusters", "data-cy": "constellation-cards-list",
        style: { maxHeight: size.height, overflowY: "auto", overscrollBehavior: "contain", scrollbarGutter: "stable", padding: PADDING },
        onScroll: () => { kept.scroll = box.current.scrollTop; look(); },
        onFocus: (event) => {
          const { cluster } = event.target.closest("[data-cluster]")?.dataset ?? {};
          hand.current.focus = cluster === undefined ? null : Number(cluster);
        },
        onBlur: () => { hand.current.focus = null; },
      },
      kept.data ? h("div", { style: grid }, children, gap("rest", rest)) : h("p", { style: { margin: 4, fontSize: 13 } }, "Loading the cards…")));
}

/** One card: what a cluster looks like, its name, what is known of it, and what can be done with it. */

const query = new URL(import.meta.url).search;
const { React, h } = await import(`./host.js${query}`);
const { Button, Dot, LINE, ORANGE, QUIET, RAISED, keysOf } = await import(`./parts.js${query}`);
const { useLayoutEffect, useRef, useState } = React;

const LONGEST = 300; // letters of a name
const ROOM = 330; // pixels that a menu may need below its button
const SQUARE = { width: "100%", aspectRatio: "1", display: "block", borderRadius: 4, background: "rgba(128, 128, 128, .2)" };
const ANY_DIRECTION = { unicodeBidi: "plaintext", overflowWrap: "anywhere" };
const MARK = { ...ANY_DIRECTION, borderLeft: "3px solid var(--fo-palette-warning-main, #f5a623)", paddingLeft: 6, fontWeight: 600 };
const TWO_LINES = { display: "-webkit-box", WebkitLineClamp: 2, WebkitBoxOrient: "vertical", overflow: "hidden" };

const boxStyle = (shown) => ({
  position: "relative", boxSizing: "border-box", height: "100%", padding: 8, borderRadius: 4, minWidth: 0, fontSize: 13,
  border: `1px solid ${shown ? ORANGE : LINE}`, boxShadow: shown ? `0 0 0 1px ${ORANGE}` : "none",
});

/**
 * @param {object} props
 * @param {object} props.card as Python gives it; noise has no field
 * @param {number} props.place in the list
 * @param {import("./cards.js").Kept} props.kept what is typed and being saved
 * @param {string | null | undefined} props.sheet the address of the contact sheet, undefined while it is asked for
 * @param {[string, string][]} props.actions of the menu, and how they are called
 * @param {boolean} props.shown whether the grid shows the cluster; the tab key then stops at all of the card
 * @param {boolean} props.typing whether a name is being typed; the tab key then goes from name to name
 * @param {boolean} props.ticked
 * @param {() => void} props.onShow
 * @param {(on: boolean, range: boolean) => void} props.onTick
 * @param {(action: string) => void} props.onMenu
 * @param {(text: string, field: string | null, next: boolean) => void} props.onName
 * @param {(typing: boolean) => void} props.onTyping
 * @param {(event: object) => void} props.onKeyDown
 */
export function Card({ card, place, kept, sheet, actions, shown, typing, ticked, onShow, onTick, onMenu, onName, onTyping, onKeyDown }) {
  const { cluster, field, color, size, lines, marks, description } = card;
  const name = kept.names.get(cluster)?.text ?? card.name;
  const error = kept.errors.get(cluster);
  const stop = shown || !field ? 0 : -1;
  return h("div", {
      role: "group", "aria-label": name, "aria-current": shown || undefined, onKeyDown, "data-cy": "constellation-card",
      "data-cluster": cluster, "data-place": place, style: boxStyle(shown),
    },
    h("button", {
        type: "button", "data-picture": "", "aria-label": `Show ${name}`, title: `Show ${name}`, tabIndex: typing ? -1 : 0,
        onClick: onShow, onKeyDown: pressByKey,
        style: { ...SQUARE, padding: 0, border: "none", cursor: "pointer", overflow: "hidden" },
      },
      sheet && h("img", { src: sheet, alt: `Typical of ${name}`, style: { ...SQUARE, objectFit: "contain", background: "none" } })),
    field && h(Tick, { name, ticked, onTick, tabIndex: stop }),
    h("div", { style: { display: "flex", alignItems: "center", gap: 5, margin: "6px 0 2px" } },
      h(Dot, { color }),
      field
        ? h(NameField, { card, kept, name, error, onName, onTyping })
        : h("b", { style: { flex: 1, minWidth: 0, fontSize: 15, ...ANY_DIRECTION } }, name),
      h(Menu, { name, actions, onMenu, tabIndex: stop })),
    error && h("p", { role: "alert", id: `constellation-error-${cluster}`, style: { ...MARK, margin: "2px 0" } }, capital(error)),
    h("div", null, size),
    lines.map(([words, help]) => h("div", { key: words, title: help, style: { color: QUIET, ...ANY_DIRECTION } }, words)),
    marks.map(([words, help]) => h("div", { key: words, title: help || undefined, style: { ...MARK, marginTop: 2 } }, words)),
    description && h("div", { title: description, style: { color: QUIET, ...ANY_DIRECTION, ...TWO_LINES } }, description));
}

/** The card of what is in no cluster. */
export function Unassigned({ card, place, shown, onShow }) {
  return h("div", { role: "group", "aria-label": card.name, "data-cluster": card.cluster, "data-place": place, style: boxStyle(shown) },
    h("b", { style: { fontSize: 15 } }, card.name),
    h("div", null, card.size),
    h("div", { style: { color: QUIET, marginBottom: 6 } }, card.why),
    h(Button, { onClick: onShow, "data-picture": "" }, "Show"));
}

const capital = (sentence) => sentence.charAt(0).toUpperCase() + sentence.slice(1);

/** The App keeps Enter for itself wherever the focus is not in a field. */
function pressByKey(event) {
  if (event.key !== "Enter") return;
  event.preventDefault();
  event.stopPropagation();
  event.currentTarget.click();
}

/** The name, to be typed at any time; what is typed is kept outside, for the card may leave the page meanwhile. */
function NameField({ card, kept, name, error, onName, onTyping }) {
  const { cluster, field } = card;
  const [, setText] = useState("");
  const draft = kept.drafts.get(cluster);
  const change = (text) => {
    // whoever types has seen the name that the field had then
    kept.drafts.set(cluster, { text, field: draft ? draft.field : field });
    kept.errors.delete(cluster);
    setText(text);
    if (!draft || error) onTyping(true);
  };
  const save = (next) => {
    const now = kept.drafts.get(cluster);
    onTyping(false);
    onName(now ? now.text : name, now ? now.field : null, next);
  };
  const takeBack = () => {
    kept.drafts.delete(cluster);
    kept.errors.delete(cluster);
    setText(name);
    onTyping(false);
  };
  const leave = () => {
    const now = kept.drafts.get(cluster);
    if (now && !now.refused) save(false);
    onTyping(false);
  };
  const shown = draft?.text ?? name;
  return h("input", {
    className: "constellation-field", value: shown, title: shown, dir: "auto", maxLength: LONGEST, spellCheck: false, autoComplete: "off",
    "aria-label": `Name of ${card.name}`, "aria-invalid": error ? true : undefined,
    "aria-describedby": error ? `constellation-error-${cluster}` : undefined,
    onChange: (event) => change(event.target.value), onKeyDown: keysOf(() => save(true), takeBack), onBlur: leave,
    style: { flex: 1, minWidth: 0, width: "100%", fontWeight: 600, fontSize: 14 },
  });
}

/** The box to tick, over the corner of the picture. */
function Tick({ name, ticked, onTick, tabIndex }) {
  const look = { width: 22, height: 22, padding: 0, userSelect: "none" };
  return h(Button, {
    role: "checkbox", "aria-checked": ticked, "aria-label": `Tick ${name}`, title: "Tick (x); with Shift all up to here", tabIndex,
    onClick: (event) => onTick(!ticked, event.shiftKey),
    style: { ...look, position: "absolute", top: 11, left: 11, background: "var(--fo-palette-background-level1)" },
  }, ticked && h("svg", { viewBox: "0 0 16 16", width: 16, height: 16, "aria-hidden": true, style: { display: "block", margin: "auto" } },
    h("path", { d: "M2.5 8.5l3.5 3.5 7.5-8", fill: "none", stroke: ORANGE, strokeWidth: 2.4 })));
}

/** Three dots that open a list of actions, which lies over all else, also over the edge of the list. */
function Menu({ name, actions, onMenu, tabIndex }) {
  const [at, setAt] = useState(null);
  const [opener, list, wasOpen] = [useRef(), useRef(), useRef(false)];
  useLayoutEffect(() => {
    if (!at) return undefined;
    list.current.showPopover?.();
    list.current.querySelector("button").focus({ preventScroll: true });
    const element = list.current;
    const closed = (event) => event.newState === "closed" && setAt(null);
    const scrolled = (event) => event.target !== element && setAt(null);
    element.addEventListener("toggle", closed);
    window.addEventListener("scroll", scrolled, true);
    return () => {
      element.removeEventListener("toggle", closed);
      window.removeEventListener("scroll", scrolled, true);
    };
  }, [at]);
  const open = () => {
    const closes = at || wasOpen.current; // the press on the button has closed it already
    wasOpen.current = false;
    if (closes) return setAt(null);
    const { left, right, top, bottom } = opener.current.getBoundingClientRect();
    const up = bottom + ROOM > window.innerHeight && top > window.innerHeight - bottom;
    const across = left > window.innerWidth / 2 ? { right: window.innerWidth - right, left: "auto" } : { left, right: "auto" };
    return setAt({ ...across, ...(up ? { bottom: window.innerHeight - top, top: "auto" } : { top: bottom, bottom: "auto" }) });
  };
  const close = () => {
    setAt(null);
    opener.current.focus({ preventScroll: true });
  };
  const keys = (event) => {
    const buttons = [...list.current.querySelectorAll("button")];
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (event.key === "Escape") close();
    else if (step) buttons.at((buttons.indexOf(document.activeElement) + step) % buttons.length).focus();
    else return;
    event.preventDefault();
    event.stopPropagation();
  };
  const leave = ({ relatedTarget }) => relatedTarget && !list.current.contains(relatedTarget) && relatedTarget !== opener.current && setAt(null);
  const item = ([action, words]) =>
    h(Button, { key: action, style: { border: "none", display: "block", width: "100%" }, onClick: () => (close(), onMenu(action)) }, words);
  const look = { ...at, position: "fixed", margin: 0, padding: 4, border: `1px solid ${LINE}`, borderRadius: 4, background: RAISED, color: "inherit", width: "max-content", maxWidth: 300, maxHeight: ROOM, overflow: "auto" };
  return [
    h("button", {
      key: "open", ref: opener, type: "button", className: "constellation-button", "aria-label": `Actions of ${name}`, "aria-haspopup": "true", "aria-expanded": Boolean(at),
      tabIndex, onPointerDown: () => { wasOpen.current = Boolean(at); }, onClick: open, onKeyDown: pressByKey, style: { border: "none", padding: "4px 7px", flex: "none" },
    }, h("svg", { viewBox: "0 0 4 16", width: 4, height: 16, "aria-hidden": true, style: { display: "block" } },
      [2, 8, 14].map((cy) => h("circle", { key: cy, cx: 2, cy, r: 1.6, fill: "currentColor" })))),
    at && h("div", { key: "list", ref: list, popover: "auto", role: "group", "aria-label": `Actions of ${name}`, onKeyDown: keys, onBlur: leave, style: look }, actions.map(item)),
  ];
}

/** The review of borderline images, one by one: one large, both candidates beside it, an answer with every key. */

const query = new URL(import.meta.url).search;
const { React, h } = await import(`./host.js${query}`);
const { read, useEvents } = await import(`./wire.js${query}`);
const { Button, Dot, LINE, ORANGE, QUIET, TEXT } = await import(`./parts.js${query}`);
const { useEffect, useRef, useState } = React;

const AHEAD = 3; // images that are loaded before they are asked about
const SHOCK = 1000; // milliseconds after a refusal in which keys are still meant for other pictures
const PICTURE = { width: "100%", objectFit: "contain", display: "block", borderRadius: 4 };
const ANY_DIRECTION = { unicodeBidi: "plaintext", overflowWrap: "anywhere" };
const GONE = "This run is not there any more; choose another one above.";
const PANEL = '[data-cy^="panel-content"]';

/**
 * @typedef {object} Step an answer on its way to Python
 * @property {string} method of the panel
 * @property {object} params
 * @property {number} from the place that it was given at
 * @property {number | null} to the place that is asked about after it, null where only Python knows
 */

/**
 * What a tab knows of a review.
 * @typedef {object} Kept
 * @property {object} about Python's last answer
 * @property {Map<number, object>} items by place
 * @property {number} at the place that is asked about here, ahead of Python's by the steps on their way
 * @property {Step[]} steps
 * @property {boolean} busy whether one is being saved
 * @property {boolean} reading
 * @property {string | null} look of the panel that was read last
 * @property {string} says why a step was refused
 * @property {number} until when keys are not taken, by the page's clock
 * @property {HTMLImageElement[]} loaded pictures ahead
 */

/** @type {Map<string, Kept>} */
const reviews = new Map();
const KEPT = 3;

/** @returns {Kept} what is kept of a review */
function keptOf(key, at) {
  if (!reviews.has(key)) {
    const about = { n: 0, clusters: {} };
    reviews.set(key, { about, items: new Map(), at, steps: [], busy: false, reading: false, look: null, says: "", until: 0, loaded: [] });
    if (reviews.size > KEPT) reviews.delete(reviews.keys().next().value);
  }
  return reviews.get(key);
}

export function ReviewWidget({ schema }) {
  const { view } = schema;
  const { facts } = view;
  const call = useEvents(view);
  const [, setDrawn] = useState(0);
  const redraw = () => setDrawn((count) => count + 1);
  const kept = keptOf(`${view.params.uid} ${facts.review}`, facts.at);
  const { about, at } = kept;
  const item = kept.items.get(at);
  const root = useRef();

  // Another tab, or an undo, may have gone to another place
  useEffect(() => {
    if (kept.busy) return;
    kept.at = facts.at;
    redraw();
  }, [kept, facts.at, facts.look]);

  useEffect(() => {
    const places = Array.from({ length: AHEAD + 1 }, (_, i) => at + i);
    const stale = !kept.busy && kept.look !== facts.look;
    const lacks = kept.look !== null && places.some((place) => place < about.n && !kept.items.has(place));
    if (kept.reading || !(stale || lacks)) return;
    kept.reading = true;
    read(view, "review", { at }).then(
      (found) => {
        kept.reading = false;
        if (found.gone) return say(GONE);
        if (stale) Object.assign(kept, { items: new Map(), look: facts.look });
        Object.entries(found.items).forEach(([place, known]) => kept.items.set(Number(place), known));
        kept.about = { ...found, clusters: { ...about.clusters, ...found.clusters } };
        return redraw();
      },
      (error) => {
        Object.assign(kept, { reading: false, look: facts.look });
        say(error.message);
      }
    );
  });

  useEffect(() => {
    const ahead = Array.from({ length: AHEAD }, (_, i) => kept.items.get(at + 1 + i)).filter(Boolean);
    const pictures = ahead.flatMap(({ picture, own, second }) => [picture, ...[own, second].map((id) => about.clusters[id]?.sheet)]);
    kept.loaded = [...new Set(pictures.filter(Boolean))].map((address) => Object.assign(new Image(), { src: address }));
  }, [kept, at, kept.items.size, about]);

  // Whoever has opened the tab goes on with keys
  useEffect(() => {
    if (document.activeElement?.closest(PANEL)) root.current.focus({ preventScroll: true });
  }, []);

  function say(words) {
    kept.says = words;
    redraw();
  }

  /** Saves the steps one after the other; after one that was refused, none of those behind it. */
  async function save() {
    kept.busy = true;
    while (kept.steps.length) {
      const step = kept.steps[0];
      const got = await call(step.method, step.params).catch((error) => ({ error: error.message }));
      const behind = kept.steps.length - 1;
      const there = step.to === null || got.at === step.to;
      if (got.error || !there) {
        kept.steps = [];
        kept.at = got.at ?? step.from;
        const why = got.error ?? (got.at === undefined ? GONE : "This was answered in another window meanwhile.");
        kept.until = performance.now() + SHOCK;
        kept.says = behind ? `${why} What you answered after it was not saved either.` : why;
      } else {
        kept.steps.shift();
        if (!kept.steps.length) kept.at = got.at ?? kept.at;
      }
      redraw();
    }
    kept.busy = false;
    redraw();
  }

  function add(method, params, to) {
    if (kept.steps.some((step) => step.to === null)) return; // only Python knows what is asked about after an undo
    kept.steps.push({ method, params, from: kept.at, to });
    kept.at = to ?? kept.at;
    kept.says = "";
    if (!kept.busy) save();
    redraw();
  }

  const judge = (method, cluster) => () => add(method, { id: item.id, quiet: true, ...(cluster === undefined ? {} : { cluster }) }, at + 1);
  const nameOf = (cluster) => about.clusters[cluster]?.name;
  const known = (cluster) => cluster !== null && cluster !== undefined && about.clusters[cluster] !== undefined;
  const answers = [
    item && known(item.own) && { key: "1", words: `Keep in ${nameOf(item.own)}`, strong: true, act: judge("on_review_keep", item.own) },
    item && known(item.second) && { key: "2", words: `Move to ${nameOf(item.second)}`, strong: true, act: judge("on_review_move", item.second) },
    item && { key: "n", words: "New cluster", act: judge("on_review_move", null) },
    item && { key: "s", words: "Skip", act: judge("on_review_skip") },
    { key: "b", words: at < about.n ? "Back" : "Back to the last one", off: at === 0, act: () => add("on_review_back", {}, at - 1) },
    { key: "u", words: "Undo", off: !facts.undo && !kept.busy, act: () => add("on_undo", {}, null) },
  ].filter(Boolean);

  function onKeyDown(event) {
    if (event.ctrlKey || event.metaKey || event.altKey || event.repeat) return;
    const answer = answers.find(({ key }) => key === event.key.toLowerCase());
    if (!answer) return;
    event.preventDefault();
    event.stopPropagation();
    if (!answer.off && performance.now() > kept.until) answer.act();
  }

  const ended = about.n > 0 && at >= about.n;
  const where = about.of ? ` in ${about.of}` : "";
  const progress = ended ? `Reviewed ${about.n}: ${about.said}.` : `${at + 1} of ${about.n}${where}${about.said ? ` · ${about.said}` : ""}`;
  return h("div", {
      ref: root, className: "constellation", role: "group", "aria-label": "Review", tabIndex: 0, onKeyDown, "data-cy": "constellation-review",
      "data-ready": Boolean(item) || ended, style: { color: TEXT, display: "flex", flexDirection: "column", gap: 8, borderRadius: 4, padding: 4 },
    },
    h("div", { role: "status", style: { fontSize: 13, fontWeight: ended ? 600 : 400, ...ANY_DIRECTION } }, about.n ? progress : "Loading the review…"),
    about.n > 0 && h("div", { "aria-hidden": true, style: { height: 3, borderRadius: 2, background: LINE } },
      h("div", { style: { height: 3, borderRadius: 2, width: `${(100 * Math.min(at, about.n)) / about.n}%`, background: ORANGE } })),
    h("div", { style: { display: "flex", flexWrap: "wrap", gap: 6 } },
      answers.map(({ key, words, strong, off, act }) =>
        h(Button, { key, strong, disabled: off, onClick: act, "aria-keyshortcuts": key }, words, h(Key, { strong }, key))),
      ended && h(Button, { strong: true, onClick: () => call("on_review", { cluster: null }).catch((error) => say(error.message)) }, "Review more")),
    kept.says && h("p", { role: "alert", style: { margin: 0, fontSize: 13, borderLeft: `3px solid ${ORANGE}`, paddingLeft: 6 } }, capital(kept.says)),
    item && h(Question, { item, clusters: about.clusters }),
    about.changed && h("div", { "data-cy": "constellation-review-changed", style: { fontSize: 13, color: QUIET, ...ANY_DIRECTION } }, `${about.changed}.`),
    !item && !ended && about.n > 0 && h("p", { style: { margin: 0, fontSize: 13 } }, "Loading the picture…"),
    !ended && h("div", { style: { fontSize: 12, color: QUIET } }, "The keys work while this has the focus: click the picture once."));
}

const capital = (sentence) => sentence.charAt(0).toUpperCase() + sentence.slice(1);

const Key = ({ strong, children }) =>
  h("kbd", { "aria-hidden": true, style: { marginLeft: 7, padding: "0 5px", borderRadius: 3, border: `1px solid ${strong ? "rgba(0, 0, 0, .5)" : LINE}`, font: "inherit", fontSize: 12 } }, children);

/** The image that is asked about, how sure the run is of it, and what the candidates look like. */
function Question({ item, clusters }) {
  const { picture, own, second, now, sure, verdict } = item;
  const candidates = [own, second].filter((cluster) => clusters[cluster]);
  const asked = candidates.map((cluster) => clusters[cluster].name).join(" or ");
  const moved = now !== null && now !== clusters[own]?.name;
  const facts = [
    verdict && `You have answered: ${verdict}`,
    moved && `it is in ${now} now`,
    sure && `how sure the run is: ${sure.words} (confidence ${sure.figure.toFixed(2)})`,
  ];
  return h("div", { style: { display: "flex", flexWrap: "wrap", gap: 10, alignItems: "flex-start" } },
    h("div", { style: { flex: "3 1 280px", minWidth: 0 } },
      h("div", { style: { height: "clamp(180px, 44vh, 440px)", background: "rgba(128, 128, 128, .2)", borderRadius: 4 } },
        picture
          ? h("img", { key: picture, src: picture, alt: `Which cluster is this: ${asked}?`, decoding: "sync", style: { ...PICTURE, height: "100%" } })
          : h("p", { style: { margin: 0, padding: 8, fontSize: 13 } }, "Its picture cannot be read.")),
      h("div", { style: { fontSize: 13, marginTop: 4, ...ANY_DIRECTION } }, capital(facts.filter(Boolean).join("; ")))),
    h("div", { style: { flex: "2 1 170px", minWidth: 0, display: "flex", flexWrap: "wrap", gap: 10 } },
      candidates.map((cluster, place) => h(Side, { key: cluster, said: cluster === own ? "is in" : place ? "or" : "is it", shortcut: cluster === own ? "1" : "2", ...clusters[cluster] }))));
}

/** A candidate: its name, and what is typical of it. */
function Side({ said, shortcut, name, color, size, sheet }) {
  return h("div", { style: { flex: "1 1 150px", minWidth: 0 } },
    h("div", { style: { fontSize: 12, color: QUIET } }, said),
    h("div", { style: { display: "flex", alignItems: "center", gap: 6, margin: "2px 0 4px" } },
      h(Dot, { color }),
      h("b", { style: { fontSize: 15, ...ANY_DIRECTION } }, name),
      h("span", { style: { fontSize: 12, color: QUIET, flex: "none" } }, size),
      h(Key, null, shortcut)),
    sheet && h("img", { src: sheet, alt: `Typical of ${name}`, style: { ...PICTURE, aspectRatio: "1", maxHeight: "min(22vh, 180px)", objectPosition: "left top" } }));
}

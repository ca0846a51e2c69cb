/** Registers the widgets of the Clusters panel, and says on the page which of them this browser can show. */

const query = new URL(import.meta.url).search;
const { plugins } = await import(`./host.js${query}`);
const modules = ["map", "scatter", "cards", "review", "guard"].map((name) => import(`./${name}.js${query}`));
const [{ MapWidget }, { hasWebGL }, { CardsWidget }, { ReviewWidget }, { guarded }] = await Promise.all(modules);

/** @type {[string, string, Function, boolean][]} the component's name, its class on the page, itself, whether it works */
const WIDGETS = [
  ["ConstellationMap", "map", MapWidget, hasWebGL()],
  ["ConstellationCards", "cards", CardsWidget, true],
  ["ConstellationReview", "review", ReviewWidget, true],
];

for (const [name, part, component, works] of WIDGETS) {
  plugins.registerComponent({
    name,
    label: name,
    component: guarded(part, component),
    type: plugins.PluginComponentType.Component,
    activator: () => true,
  });
  // Python draws the simple view under a style that these classes turn off, see operators/panel/components.py
  document.documentElement.classList.add("constellation", `constellation-${works ? "" : "no-"}${part}`);
}

/** What the App lends to plugins as globals: its own React, without which hooks do not work, and the functions we use. */

const NEEDED = {
  React: ["createElement", "useCallback", "useEffect", "useLayoutEffect", "useMemo", "useRef", "useState"],
  __foo__: ["executeOperator", "useTriggerPanelEvent"],
  __fop__: ["registerComponent", "PluginComponentType"],
};

const missing = Object.entries(NEEDED).flatMap(([name, parts]) =>
  parts.filter((part) => !window[name]?.[part]).map((part) => `${name}.${part}`)
);
if (missing.length) throw new Error(`The Clusters panel shows its simple view: this App has no ${missing.join(", ")}`);

export const { React, __foo__: operators, __fop__: plugins } = window;
export const h = React.createElement;

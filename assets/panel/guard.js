/** Keeps an error while drawing inside its widget: in its place comes the simple view, with a sentence that says why. */

const query = new URL(import.meta.url).search;
const { React, h } = await import(`./host.js${query}`);
const { useEvents } = await import(`./wire.js${query}`);

class Boundary extends React.Component {
  state = { error: null };

  static getDerivedStateFromError(error) {
    return { error };
  }

  componentDidCatch(error) {
    console.error(error);
    this.props.onError();
  }

  render() {
    const { error } = this.state;
    const why = error && `The ${this.props.part} with pictures cannot be drawn: ${error.message}. Below is the simple view.`;
    return error ? h("p", { role: "status", style: { margin: 0, fontSize: 13 } }, why) : this.props.children;
  }
}

/**
 * @param {string} part "map", "cards" or "review"
 * @param {Function} Widget
 * @returns {Function} the widget, guarded
 */
export function guarded(part, Widget) {
  return function Guarded(props) {
    const call = useEvents(props.schema.view);
    const giveWay = () => {
      document.documentElement.classList.remove(`constellation-${part}`);
      call("on_simple").catch(console.error);
    };
    return h(Boundary, { part, onError: giveWay }, h(Widget, props));
  };
}

/** @returns {(error: Error) => void} hands an error from outside of drawing to the guard */
export function useFailure() {
  const [, set] = React.useState(null);
  return React.useCallback((error) => set(() => { throw error; }), []);
}

/** Small elements that all widgets have, in the colors of the App. */

const query = new URL(import.meta.url).search;
const { h } = await import(`./host.js${query}`);

export const TEXT = "var(--fo-palette-text-primary)";
export const QUIET = "var(--fo-palette-text-secondary)";
export const LINE = "var(--fo-palette-divider)";
export const GROUND = "var(--fo-palette-background-level1)";
export const RAISED = "var(--fo-palette-background-level2)";
export const ORANGE = "var(--fo-palette-primary-plainColor)";

/** Looks that no `style` can say; added once to the page. */
const SHEET = `
.constellation-button { background: transparent; color: ${TEXT}; border: 1px solid ${LINE}; border-radius: 4px; padding: 3px 9px;
  font: inherit; font-size: 13px; cursor: pointer; max-width: 100%; overflow-wrap: anywhere; text-align: left; }
.constellation-button:hover:not(:disabled) { background: ${RAISED}; }
.constellation-button:disabled { opacity: .55; cursor: default; }
.constellation-button.strong { background: ${ORANGE}; color: #1a1a1a; border-color: transparent; }
.constellation-button[aria-pressed="true"] { outline: 2px solid ${ORANGE}; outline-offset: -1px; }
.constellation-field { background: var(--fo-palette-background-field, transparent); color: ${TEXT}; border: 1px solid ${LINE};
  border-radius: 4px; padding: 3px 6px; font: inherit; font-size: 13px; box-sizing: border-box; }
.constellation-field option { background: ${GROUND}; color: ${TEXT}; }
.constellation :focus-visible, .constellation:focus-visible { outline: 2px solid ${ORANGE}; outline-offset: 1px; }
@media (prefers-reduced-motion: reduce) { .constellation * { transition: none !important; animation: none !important; } }
`;
if (!document.getElementById("constellation-style")) {
  const sheet = document.createElement("style");
  sheet.id = "constellation-style";
  sheet.textContent = SHEET;
  document.head.append(sheet);
}

/** @param {object} props of a button; `strong` stands out, `pressed` is on */
export function Button({ strong, pressed, children, ...props }) {
  const look = `constellation-button${strong ? " strong" : ""}`;
  return h("button", { type: "button", className: look, "aria-pressed": pressed, onKeyDown: pressByKey, ...props }, children);
}

/** The App keeps Enter for itself wherever the focus is not in a field. */
function pressByKey(event) {
  if (event.key !== "Enter") return;
  event.preventDefault();
  event.stopPropagation();
  event.currentTarget.click();
}

/** @param {{label: string, value: string, choices: [string, string][], onChoice: (value: string) => void}} props */
export function Select({ label, value, choices, onChoice, ...props }) {
  const options = choices.map(([key, words]) => h("option", { key, value: key }, words));
  const change = (event) => onChoice(event.target.value);
  return h("select", { className: "constellation-field", "aria-label": label, value, onChange: change, ...props }, options);
}

/** A text field that saves with Enter and takes back with Escape; keys stay in it. */
export function keysOf(save, takeBack) {
  return (event) => {
    event.stopPropagation();
    if (event.key === "Enter" && !event.nativeEvent.isComposing) {
      event.preventDefault();
      save(event);
    } else if (event.key === "Escape") {
      event.preventDefault();
      takeBack(event);
    }
  };
}

/** A dot in the color of a cluster. */
export const Dot = ({ color }) =>
  h("span", {
    "aria-hidden": true,
    style: { display: "inline-block", width: 10, height: 10, borderRadius: "50%", background: color, flex: "none", forcedColorAdjust: "none" },
  });

/** Questions to Python, and its answers; what is many numbers in them is packed as text. */

const query = new URL(import.meta.url).search;
const { React, operators } = await import(`./host.js${query}`);

/**
 * @typedef {object} View what Python says of a widget, beside the methods of the panel by name
 * @property {string} read the operator that answers questions and draws nothing
 * @property {object} asks what every question is sent with
 * @property {{uid: string, version: number, window: string}} params what every question and event is sent with
 * @property {{of: string, answers: Object<string, {params: object, answer: object}>}} given answers that came with it
 */

/** Those that were taken: each is as old as the panel, and good for who asks first. */
const taken = new Set();

/** @returns {object | undefined} an answer that has come with the panel */
function givenTo({ given }, what, params) {
  const found = given?.answers?.[what];
  const name = `${given?.of} ${what}`;
  if (!found || taken.has(name) || JSON.stringify(found.params) !== JSON.stringify(params)) return undefined;
  taken.add(name);
  return found.answer;
}

/**
 * The name of this window of the browser, as it was drawn first. What the App calls by itself draws the panel under
 * another one, and an edit that is sent then would be taken for somebody else's.
 * @type {string | undefined}
 */
let ownWindow;

/**
 * Calls methods of the Python panel.
 * @param {View} view
 * @returns {(method: string, params?: object) => Promise<any>} the method's answer
 */
export function useEvents(view) {
  const trigger = operators.useTriggerPanelEvent();
  const latest = React.useRef(view);
  latest.current = view;
  return React.useCallback(
    (method, params = {}) =>
      new Promise((resolve, reject) => {
        ownWindow ??= latest.current.params.window;
        const sent = { ...latest.current.params, window: ownWindow, ...params };
        trigger(latest.current[method], sent, false, (answer) => {
          if (answer?.error) reject(new Error(answer.errorMessage || String(answer.error)));
          else resolve(answer?.result ?? {});
          return false; // else the App takes the whole panel away
        });
      }),
    [trigger]
  );
}

/**
 * Asks Python for something; the panel is not drawn again.
 * @param {View} view
 * @param {string} what
 * @param {object} [params]
 * @returns {Promise<any>}
 */
export function read(view, what, params = {}) {
  const known = givenTo(view, what, params);
  if (known) return Promise.resolve(known);
  return new Promise((resolve, reject) => {
    operators.executeOperator(
      view.read,
      { ...view.asks, ...view.params, what, ...params },
      {
        callback({ error, errorMessage, result } = {}) {
          if (error || result?.failed) reject(new Error(errorMessage || result?.text || String(error)));
          else resolve(result ?? {});
        },
        skipErrorNotification: true,
        skipOutput: true, // else the App asks how to show the answer
      }
    );
  });
}

/**
 * @param {string} text base64
 * @returns {Uint8Array}
 */
export function unpack(text) {
  const letters = atob(text);
  const bytes = new Uint8Array(letters.length);
  for (let i = 0; i < bytes.length; i++) bytes[i] = letters.charCodeAt(i); // `from` takes ten times as long for millions
  return bytes;
}

/**
 * @param {Uint32Array} rows
 * @returns {string} base64
 */
export function pack(rows) {
  const bytes = new Uint8Array(rows.buffer, rows.byteOffset, rows.byteLength);
  let text = "";
  for (let i = 0; i < bytes.length; i += 32768) text += String.fromCharCode.apply(null, bytes.subarray(i, i + 32768));
  return btoa(text);
}

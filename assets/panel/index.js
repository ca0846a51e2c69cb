// The App runs this file as a plain script and waits for it, so it only says what to load. The query is made of all
// modules by scripts/panel_digest.py: after an upgrade no browser goes on with an old one of them.
import(new URL("./main.js?v=69220e6f8326", document.currentScript.src)).catch(console.error);

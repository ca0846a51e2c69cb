"""The App in a frame of another page, as notebooks show it."""

WHOLE = "border: 0; position: fixed; inset: 0; width: 100%; height: 100%"
# Of another origin than the App's, as a notebook's, and of the same machine: strangers' frames have no storage
NOTEBOOK = "http://127.0.0.1:1/notebook"


class Framed:
    """A page whose content is in a frame: keyboard, mouse and requests are the page's, elements the frame's."""

    def __init__(self, page):
        body = f'<iframe style="{WHOLE}" src="about:blank"></iframe>'
        page.route(NOTEBOOK, lambda route: route.fulfill(content_type="text/html", body=body))
        page.goto(NOTEBOOK)
        self._page, self._frame = page, page.frames[1]

    def reload(self):
        """Loads what is in the frame again."""
        with self._frame.expect_navigation():
            self._frame.evaluate("location.reload()")

    def __getattr__(self, name: str):
        return getattr(self._frame if hasattr(self._frame, name) and name != "page" else self._page, name)

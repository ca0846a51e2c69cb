"""The App in a frame of another page, as notebooks show it."""

WHOLE = "border: 0; position: fixed; inset: 0; width: 100%; height: 100%"


class Framed:
    """A page whose content is in a frame: keyboard, mouse and requests are the page's, elements the frame's."""

    def __init__(self, page):
        page.set_content(f'<iframe style="{WHOLE}" src="about:blank"></iframe>')
        self._page, self._frame = page, page.frames[1]

    def reload(self):
        """Loads what is in the frame again."""
        with self._frame.expect_navigation():
            self._frame.evaluate("location.reload()")

    def __getattr__(self, name: str):
        return getattr(self._frame if hasattr(self._frame, name) and name != "page" else self._page, name)

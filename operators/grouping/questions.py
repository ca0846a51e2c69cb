"""Questions of a grouping by criterion: captions of a few images, groups of captions, captions sorted into them."""

import os
from collections.abc import Callable
from typing import Any

import fiftyone as fo

from ...models.images.rendering import Rendering
from ...models.naming import criterion as prompts
from ...models.naming.asking import CAP_REACHED, Asker, Usage
from ...models.naming.prompt import Question
from ...models.progress import Progress
from ..naming.server import ServerChoice
from ..naming.session import NO_IMAGE, LLMJob, PendingQuestion, by_reason, digest_of, status_text
from .request import CriterionArguments


class CriterionJob(LLMJob):
    """Captions of images, groups of captions, and captions sorted into groups.

    Args:
        dataset: the dataset, which keeps the answers
        choice: the server and model
        files: per id, its file and box
        arguments: all arguments of the job
        key (None): the server's key
        rendering (None): that of the run's images

    Attributes:
        captions: the caption of each captioned image, by id
    """

    arguments: CriterionArguments

    def __init__(
        self,
        dataset: fo.Dataset,
        choice: ServerChoice,
        files: dict[str, tuple[str, list[float] | None]],
        arguments: CriterionArguments,
        key: str | None = None,
        rendering: Rendering | None = None,
    ) -> None:
        super().__init__(dataset, choice, files, arguments, key, rendering=rendering)
        self.captions: dict[str, str] = {}

    def caption(self, chosen: dict[int, list[str]], progress: Progress) -> None:
        """Ask for the captions of each fine cluster's images, one question per cluster.

        Raises:
            ValueError: if there is no caption
        """
        pending = []
        for fine, ids in chosen.items():
            digest = self._digest("captions", [[i, *self.files[i], _changed(self.files[i][0])] for i in ids])
            if (kept := self.kept(digest)) is not None:
                self.captions.update(kept)
            else:
                pending.append(self._caption_question(fine, ids, digest))

        def report(asker: Asker) -> None:
            done = (self.calls + asker.answered) / max(len(chosen), 1)
            progress(min(done, 1.0), f"{len(self.captions)} captions{status_text(self, asker)}")

        self._ask(pending, report)
        if not self.captions:
            raise ValueError(self._no_caption())

    def _no_caption(self) -> str:
        """Say why there is no caption: a model is not to blame for files that it was never shown."""
        reasons = by_reason(self.unreadable)
        if reasons and all(reason.startswith(NO_IMAGE) for reason in self.failed.values()):
            counted = ", ".join(f"{n:,} {reason}" for reason, n in reasons.items())
            return f"none of the {len(self.unreadable):,} images to caption can be read ({counted}); check their paths"
        why = ", ".join(f"{reason} ({n:,})" for reason, n in by_reason(self.failed).items()) or "all are empty"
        return f"{self.choice.model!r} gave no captions by {self.arguments.criterion!r}: {why}; try again"

    def _caption_question(self, fine: int, ids: list[str], digest: str) -> PendingQuestion:
        shown: list[str] = []

        def make() -> Question:
            pictures = self.some_pictures(ids, self.arguments.n_exemplars)
            shown[:] = pictures
            given = self.arguments
            return prompts.caption_question(list(pictures.values()), given.criterion, given.context, given.language)

        def read(text: str, lenient: bool) -> list[str]:
            return prompts.read_captions(text, len(shown))

        def arrived(captions: list[str], used: Usage) -> None:
            found = {row_id: text for row_id, text in zip(shown, captions, strict=True) if text}
            self.keep(digest, found)
            self.captions.update(found)

        return PendingQuestion(f"fine cluster {fine}", make, read, arrived)

    def groups(self, progress: Progress) -> list[tuple[str, str]]:
        """Ask for groups that cover the captions: proposed in batches, then merged if there was more than one batch.

        Returns:
            ``(name, description)`` of each

        Raises:
            ValueError: if the model proposed none
        """
        batches = self._batches()
        found = self._propose(batches, progress)
        if len(batches) > 1:
            merged = [f"{name}: {about}" if about else name for name, about in found.items()]
            found = self._propose([merged], progress)
        if len(found) < 2:
            why = self.failed.get("groups") or "too few groups in the answer"
            criterion = self.arguments.criterion
            raise ValueError(f"{self.choice.model!r} proposed no groups by {criterion!r}: {why}; try again")
        return list(found.items())[: self.arguments.n_groups or None]

    def _propose(self, batches: list[list[str]], progress: Progress) -> dict[str, str]:
        """Return descriptions of groups by name."""
        found: dict[str, str] = {}
        pending = []
        for batch in batches:
            digest = self._digest("groups", [batch, self.arguments.n_groups])
            if (kept := self.kept(digest)) is not None:
                found.update(kept["groups"])
            else:
                pending.append(self._group_question(batch, found, digest))
        self._ask(pending, lambda asker: progress(0.5, f"groups{status_text(self, asker)}"))
        return found

    def _group_question(self, batch: list[str], found: dict[str, str], digest: str) -> PendingQuestion:
        given = self.arguments

        def make() -> Question:
            return prompts.group_question(batch, given.criterion, given.n_groups, given.language)

        def read(text: str, lenient: bool) -> list[tuple[str, str]]:
            return prompts.read_groups(text, given.n_groups)

        def arrived(groups: list[tuple[str, str]], used: Usage) -> None:
            self.keep(digest, {"groups": [list(group) for group in groups]})
            found.update(groups)

        return PendingQuestion("groups", make, read, arrived)

    def sort(self, groups: list[str], progress: Progress) -> dict[str, int]:
        """Ask which group each caption belongs to, -1 for none."""
        found: dict[str, int] = {}
        pending = []
        for number, batch in enumerate(self._batches(), 1):
            digest = self._digest("sorted", [batch, groups])
            if (kept := self.kept(digest)) is not None:
                found.update(zip(batch, kept["groups"], strict=True))
            else:
                pending.append(self._sort_question(f"captions, batch {number}", batch, groups, found, digest))
        self._ask(pending, lambda asker: progress(0.5, f"sorting{status_text(self, asker)}"))
        return found

    def _sort_question(
        self, about: str, batch: list[str], groups: list[str], found: dict[str, int], digest: str
    ) -> PendingQuestion:
        def make() -> Question:
            return prompts.sort_question(batch, groups, self.arguments.criterion)

        def read(text: str, lenient: bool) -> list[int]:
            return prompts.read_sorted(text, len(batch), len(groups))

        def arrived(sorted_into: list[int], used: Usage) -> None:
            self.keep(digest, {"groups": sorted_into})
            found.update(zip(batch, sorted_into, strict=True))

        return PendingQuestion(about, make, read, arrived)

    def _batches(self) -> list[list[str]]:
        """Return the captions, each once, as many at a time as one question takes."""
        texts, size = sorted(set(self.captions.values()), key=str.casefold), prompts.CAPTIONS_AT_ONCE
        return [texts[start : start + size] for start in range(0, len(texts), size)]

    def _ask(self, pending: list[PendingQuestion], report: Callable[[Asker], object]) -> None:
        self.ask(pending, report)
        self.check(answered=bool(self.captions))
        if self.stopped and self.stopped.reason == CAP_REACHED:  # half of the captions would make other groups
            raise ValueError(
                f"max_spend={self.arguments.max_spend:g} ended it after {self.calls} calls for "
                f"${self.budget.spent:.4f}; these answers are kept, so raise it and call again"
            )

    def _digest(self, kind: str, content: Any) -> str:
        given = self.arguments
        server = [self.choice.base_url, self.choice.model]
        settings = [given.context, given.language, given.image_size, given.layout]
        return digest_of([prompts.VERSION, kind, *server, given.criterion, settings, content])


def _changed(path: str) -> int | None:
    """Return when a file was last written, to notice that it is another one."""
    try:
        return os.stat(path).st_mtime_ns
    except OSError:
        return None

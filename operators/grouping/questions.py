"""The questions of a grouping by criterion: captions of a few images, groups of captions, captions sorted into them."""

import os

from ...models.naming import criterion as asked
from ...models.naming.asking import CAP_REACHED
from ...models.naming.failures import NEXT, Failure
from ..naming.session import NO_IMAGE, LLMJob, digest_of, news


class CriterionJob(LLMJob):
    """Captions, groups and who is in which.

    Args:
        dataset: the dataset, which keeps the answers
        choice: :class:`operators.llm_server.ServerChoice`
        files: per id, its file and box
        criterion: what to group by
        key: the server's key
        given: the other arguments of :func:`operators.group_by_criterion.group_by_criterion` by name

    Attributes:
        captions: the caption of each captioned image, by id
    """

    def __init__(self, dataset, choice, files, criterion: str, key: str | None, given: dict):
        sheet = given["layout"] == "sheet"
        super().__init__(dataset, choice, files, given["image_size"], sheet, given["max_spend"])
        self.criterion, self.given = criterion, given
        self.captions: dict[str, str] = {}
        self._key = key

    def caption(self, chosen: dict[int, list[str]], progress):
        """Asks for the captions of each fine cluster's images, one question per cluster."""
        jobs = []
        for fine, ids in chosen.items():
            digest = self._digest("captions", [[i, *self.files[i], _changed(self.files[i][0])] for i in ids])
            if (kept := self.kept(digest)) is not None:
                self.captions.update(kept)
            else:
                jobs.append(self._caption_job(fine, ids, digest))

        def report(asker):
            done = (self.calls + asker.answered) / max(len(chosen), 1)
            progress(min(done, 1.0), f"{len(self.captions)} captions{news(self, asker)}")

        self._ask(jobs, report)

    def _caption_job(self, fine, ids, digest):
        shown = []

        def make():
            pictures = self.pictures(ids, self.given["n_exemplars"])
            if not pictures:
                raise Failure(NO_IMAGE, NEXT)
            shown[:] = pictures
            context, language = self.given["context"], self.given["language"]
            return asked.caption_question(list(pictures.values()), self.criterion, context, language)

        def read(text, lenient):
            return asked.read_captions(text, len(shown))

        def arrived(captions, used):
            found = {row_id: text for row_id, text in zip(shown, captions, strict=True) if text}
            self.keep(digest, found)
            self.captions.update(found)

        return f"fine cluster {fine}", make, read, arrived

    def groups(self, progress) -> list[tuple[str, str]]:
        """Groups that cover the captions: proposed in parts, then merged if there was more than one part.

        Returns:
            ``(name, description)`` of each

        Raises:
            ValueError: in one sentence, if the model proposed none
        """
        texts = sorted(set(self.captions.values()), key=str.casefold)
        parts = _parts(texts)
        found = self._propose(parts, progress)
        if len(parts) > 1:
            merged = [f"{name}: {about}" if about else name for name, about in dict(found).items()]
            found = self._propose([merged], progress)
        if len(found) < 2:
            why = self.failed.get("groups") or "too few groups in the answer"
            raise ValueError(f"{self.choice.model!r} proposed no groups by {self.criterion!r}: {why}; try again")
        return found[: self.given["n_groups"] or None]

    def _propose(self, parts, progress):
        found, jobs = {}, []
        n, language = self.given["n_groups"], self.given["language"]
        for part in parts:
            digest = self._digest("groups", [part, self.given["n_groups"]])
            if (kept := self.kept(digest)) is not None:
                found.update(kept["groups"])
                continue

            def arrived(groups, used, digest=digest):
                self.keep(digest, {"groups": [list(group) for group in groups]})
                found.update(groups)

            jobs.append(
                (
                    "groups",
                    lambda part=part: asked.group_question(part, self.criterion, n, language),
                    lambda text, lenient: asked.read_groups(text, n),
                    arrived,
                )
            )
        self._ask(jobs, lambda asker: progress(0.5, f"groups{news(self, asker)}"))
        return list(found.items())

    def sort(self, groups: list[str], progress) -> dict[str, int]:
        """Which group each caption belongs to, -1 for none."""
        texts = sorted(set(self.captions.values()), key=str.casefold)
        found, jobs = {}, []
        for number, part in enumerate(_parts(texts)):
            digest = self._digest("sorted", [part, groups])
            if (kept := self.kept(digest)) is not None:
                found.update(zip(part, kept["groups"], strict=True))
                continue

            def arrived(sorted_into, used, digest=digest, part=part):
                self.keep(digest, {"groups": sorted_into})
                found.update(zip(part, sorted_into, strict=True))

            jobs.append(
                (
                    f"captions, part {number + 1}",
                    lambda part=part: asked.sort_question(part, groups, self.criterion),
                    lambda text, lenient, part=part: asked.read_sorted(text, len(part), len(groups)),
                    arrived,
                )
            )
        self._ask(jobs, lambda asker: progress(0.5, f"sorting{news(self, asker)}"))
        return found

    def _ask(self, jobs, report):
        self.ask(jobs, self._key, self.given["max_concurrency"], self.given["timeout"], report)
        self.check(answered=bool(self.captions))
        if self.stopped and self.stopped.reason == CAP_REACHED:  # half of the captions would make other groups
            raise ValueError(
                f"max_spend={self.given['max_spend']:g} ended it after {self.calls} calls for "
                f"${self.budget.spent:.4f}; these answers are kept, so raise it and call again"
            )

    def _digest(self, kind, about):
        server = [self.choice.base_url, self.choice.model]
        told = [self.given["context"], self.given["language"], self.given["image_size"], self.given["layout"]]
        return digest_of([asked.VERSION, kind, *server, self.criterion, told, about])


def _parts(texts):
    size = asked.CAPTIONS_AT_ONCE
    return [texts[start : start + size] for start in range(0, len(texts), size)]


def _changed(path) -> int | None:
    """When a file was last written, to notice that it is another one."""
    try:
        return os.stat(path).st_mtime_ns
    except OSError:
        return None

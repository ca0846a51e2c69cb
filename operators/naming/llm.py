"""Names from a vision LLM: one question per cluster, then one for each group of names too much alike."""

from datetime import datetime, timezone

from ...models.naming import prompt
from ...models.naming.answers import Answer, alike, read_answer, read_group_names
from ...models.naming.asking import Asker, Usage, as_sent
from ...models.naming.failures import Failure
from ...models.naming.pictures import size_of
from ...models.naming.prices import ANSWER_TOKENS, image_tokens, most_image_tokens, text_tokens
from ...models.progress import Progress
from ..runs.clusters import is_default_name
from .exemplars import NEIGHBORS, Exemplars
from .request import NamingArguments
from .server import ServerChoice
from .session import LLMJob, PendingQuestion, by_reason, digest_of, status_text

CONTRAST_IMAGES, MOST_ALIKE = 3, 6  # of each cluster, and clusters, in one contrastive question


class LLMNaming(LLMJob):
    """Names for some clusters of a run from one model.

    Args:
        exemplars: the images of each cluster
        instructions: the instructions for the model
        choice: the server and model
        known: records of present names, by cluster id
        arguments: all arguments of the job
        key: the server's key

    Attributes:
        found: records of new names, by cluster id
        shared: groups of clusters whose names stayed too much alike
    """

    arguments: NamingArguments

    def __init__(
        self,
        exemplars: Exemplars,
        instructions: prompt.Instructions,
        choice: ServerChoice,
        known: dict[int, dict],
        arguments: NamingArguments,
        key: str | None,
    ) -> None:
        members = exemplars.members
        kept = (arguments.overwrite, members.rendering())
        super().__init__(members.target.dataset, choice, exemplars.files, arguments, key, *kept)
        self.exemplars, self.instructions, self.known = exemplars, instructions, known
        self.labels = exemplars.members.names
        self.found: dict[int, dict] = {}
        self.shared: list[list[int]] = []
        self._digests: dict[int, str] = {}

    def digest(self, cluster: int) -> str:
        """Return the digest of all that an answer depends on: members, images, prompt and model."""
        if cluster not in self._digests:
            asked = [prompt.VERSION, self.choice.base_url, self.choice.model, self.instructions.recorded()]
            shown = self.exemplars.digest(cluster, self.instructions.contrast == "images")
            self._digests[cluster] = digest_of([*asked, shown])
        return self._digests[cluster]

    def question(self, cluster: int) -> tuple[prompt.Question, list[str]]:
        """Make the question about a cluster; return it and the ids of the members shown in it.

        Raises:
            Failure: if none of its images can be read
        """
        pictures = self.some_pictures(self.exemplars.chosen[cluster], self.instructions.n_exemplars)
        others: dict[str, bytes] = {}
        names: list[str] = []
        if self.instructions.contrast == "images":
            others = self.pictures(self.exemplars.contrast(cluster), NEIGHBORS)
        elif self.instructions.contrast == "names":
            names = [name for other in self.exemplars.near.get(cluster, []) if (name := self._name_of(other))]
        asked = prompt.name_question(list(pictures.values()), list(others.values()), names, self.instructions)
        return asked, list(pictures)

    def run(self, clusters: list[int], progress: Progress) -> None:
        """Ask about clusters; ``found`` and ``failed`` fill as answers arrive, also if it is stopped."""
        pending = []
        for cluster in clusters:
            digest = self.digest(cluster)
            if (kept := self.kept(digest)) is not None:
                self.found[cluster] = kept
            else:
                pending.append(self._name_question(cluster, digest))

        def report(asker: Asker) -> None:
            done = len(self.found) + len(self.failed)
            progress(done / len(clusters), f"{len(self.found)} of {len(clusters)} named{status_text(self, asker)}")

        self.ask(pending, report)

    def disambiguate(self, progress: Progress) -> None:
        """Ask in a second pass one question for every group of clusters with names too much alike."""
        names, groups = self._alike()
        if groups and not self.stopped and not self.instructions.words:
            slices = [group[i : i + MOST_ALIKE] for group in groups for i in range(0, len(group), MOST_ALIKE)]
            pending = []
            for group in (some for some in slices if len(some) > 1):
                digest = digest_of(["alike", *[[c, names[c], self.digest(c)] for c in group]])
                if (kept := self.kept(digest)) is not None:
                    self._rename(group, kept)
                else:
                    pending.append(self._contrast_question(group, names, digest))
            text = f"{len(pending)} groups of clusters with one name"
            self.ask(pending, lambda asker: progress(0.5, text + status_text(self, asker)))
        self.shared = self._alike()[1]

    def preview(self, clusters: list[int]) -> dict:
        """Return what would be sent, and what it would take; nothing is sent."""
        questions: list[dict] = []
        low = high = 0
        for cluster in clusters:
            try:
                question, ids = self.question(cluster)
            except Failure as failure:
                self.failed[cluster] = failure.reason
                continue
            text, pictures = as_sent(question, self.instructions.layout == "sheet")
            sent = {"cluster": cluster, "system": question.system, "text": text, "images": ids, "pictures": pictures}
            questions.append(sent)
            tokens = text_tokens(question.system + text)
            low += tokens + sum(image_tokens(*size_of(picture)) for picture in pictures)
            high += tokens + sum(most_image_tokens(*size_of(picture)) for picture in pictures)
        n, price = len(questions), self.choice.price
        outputs = (n * ANSWER_TOKENS // 2, n * ANSWER_TOKENS * 2)
        pictures = [picture for sent in questions for picture in sent["pictures"]]
        return {
            "dry_run": True,
            "host": self.choice.host,
            "model": self.choice.model,
            "questions": questions,
            "n_questions": n,
            "n_images": len(pictures),
            "n_bytes": sum(map(len, pictures)),
            "tokens": (low + outputs[0], high + outputs[1]),
            "cost": None if price is None else (price.of(low, outputs[0]), price.of(high, outputs[1])),
            "failures": by_reason(self.failed),
        }

    def _name_question(self, cluster: int, digest: str) -> PendingQuestion:
        shown: list[str] = []

        def make() -> prompt.Question:
            question, ids = self.question(cluster)
            shown[:] = ids
            return question

        def read(text: str, lenient: bool) -> Answer:
            return read_answer(text, len(shown), self.instructions.max_words, self.instructions.words, lenient)

        def arrived(answer: Answer, used: Usage) -> None:
            about = self._about(cluster, digest, answer, used, list(shown))
            self.keep(digest, about)
            self.found[cluster] = about

        return PendingQuestion(cluster, make, read, arrived)

    def _about(self, cluster: int, digest: str, answer: Answer, used: Usage, shown: list[str]) -> dict:
        """Return the record of a name."""
        tokens = {"input": used.input_tokens, "output": used.output_tokens}
        price = self.choice.price
        return {
            "name": answer.name,
            "description": answer.description,
            "coherent": answer.coherent,
            "confidence": answer.confidence,
            "odd": [shown[position] for position in answer.outliers],
            "distinguishes": answer.distinguishes,
            "source": "llm",
            "model": self.choice.model,
            "host": self.choice.host,
            "images": shown,
            "contrast": self.exemplars.contrast(cluster) if self.instructions.contrast == "images" else [],
            "tokens": tokens,
            "cost": None if price is None else price.of(*tokens.values()),
            "calls": used.calls,
            "prompt_version": prompt.VERSION,
            "digest": digest,
            "at": datetime.now(timezone.utc).strftime("%Y-%m-%d %H:%M:%S UTC"),
        }

    def _contrast_question(self, group: list[int], names: dict[int, str], digest: str) -> PendingQuestion:
        def make() -> prompt.Question:
            pictures = [list(self.pictures(self.exemplars.chosen[c], CONTRAST_IMAGES).values()) for c in group]
            return prompt.contrast_question(pictures, [names[c] for c in group], self.instructions)

        def read(text: str, lenient: bool) -> list[str]:
            return read_group_names(text, len(group), self.instructions.max_words)

        def arrived(found: list[str], used: Usage) -> None:
            answer = {"names": found, "tokens": {"input": used.input_tokens, "output": used.output_tokens}}
            self.keep(digest, answer)
            self._rename(group, answer)

        return PendingQuestion(None, make, read, arrived)

    def _alike(self) -> tuple[dict[int, str], list[list[int]]]:
        """Return all names there are, and the groups among them that are too much alike and have a new one."""
        names = {c: about["name"] for c, about in {**self.known, **self.found}.items() if about.get("name")}
        return names, [group for group in alike(names) if any(cluster in self.found for cluster in group)]

    def _rename(self, group: list[int], answer: dict) -> None:
        """Take the names that disambiguate a group; clusters that were not asked about in this job keep theirs."""
        for cluster, name in zip(group, answer["names"], strict=True):
            if name and cluster in self.found:
                about = self.found[cluster]
                # the tokens are those of the whole group
                origin = {"first_name": about["name"], "group": group, "tokens": answer["tokens"]}
                self.found[cluster] = {**about, "name": name, "told_apart": origin}

    def _name_of(self, cluster: int) -> str | None:
        """Return the name of a cluster, None if it has only a number."""
        about = self.found.get(cluster) or self.known.get(cluster)
        if about and about.get("name"):
            return about["name"]
        label = self.labels.get(cluster, "")
        return None if is_default_name(cluster, label) else label

"""Names from a vision LLM: one question per cluster, then one for each group of names too much alike."""

from datetime import datetime, timezone

from ...models.naming import prompt
from ...models.naming.answers import alike, read_answer, read_group_names
from ...models.naming.asking import as_sent
from ...models.naming.failures import NEXT, Failure
from ...models.naming.pictures import size_of
from ...models.naming.prices import ANSWER_TOKENS, image_tokens, most_image_tokens, text_tokens
from ..runs.clusters import is_default_name
from .exemplars import NEIGHBORS, Exemplars
from .server import ServerChoice
from .session import NO_IMAGE, LLMJob, by_reason, digest_of, news

CONTRAST_IMAGES, MOST_ALIKE = 3, 6  # of each cluster, and clusters, in one contrastive question


class LLMNaming(LLMJob):
    """Names for some clusters of a run from one model.

    Args:
        speakers: :class:`operators.naming_images.Exemplars`
        instructions: :class:`models.naming.prompt.Instructions`
        choice: :class:`operators.llm_server.ServerChoice`
        known: what is known about present names, by cluster id
        max_spend (None): US dollars
        overwrite (False): whether to ask again what was asked before

    Attributes:
        found: what is known about new names, by cluster id
        shared: groups of clusters whose names stayed too much alike
    """

    def __init__(
        self, exemplars: Exemplars, instructions, choice: ServerChoice, known, max_spend=None, overwrite=False
    ):
        dataset, sheet = exemplars.members.target.dataset, instructions.layout == "sheet"
        super().__init__(dataset, choice, exemplars.files, instructions.image_size, sheet, max_spend, overwrite)
        self.exemplars, self.instructions, self.known = exemplars, instructions, known
        self.labels = exemplars.members.names
        self.found: dict[int, dict] = {}
        self.shared: list[list[int]] = []
        self._digests: dict[int, str] = {}

    def digest(self, cluster: int) -> str:
        """Of all that an answer depends on: members, images, prompt and model."""
        if cluster not in self._digests:
            asked = [prompt.VERSION, self.choice.base_url, self.choice.model, self.instructions.recorded()]
            shown = self.exemplars.digest(cluster, self.instructions.contrast == "images")
            self._digests[cluster] = digest_of([*asked, shown])
        return self._digests[cluster]

    def question(self, cluster: int) -> tuple[prompt.Question, list[str]]:
        """The question about a cluster, and the ids of the members shown in it.

        Raises:
            Failure: if none of its images can be read
        """
        pictures = self.pictures(self.exemplars.chosen[cluster], self.instructions.n_exemplars)
        if not pictures:
            raise Failure(NO_IMAGE, NEXT)
        others, names = {}, []
        if self.instructions.contrast == "images":
            others = self.pictures(self.exemplars.contrast(cluster), NEIGHBORS)
        elif self.instructions.contrast == "names":
            names = [name for other in self.exemplars.near.get(cluster, []) if (name := self._name_of(other))]
        asked = prompt.name_question(list(pictures.values()), list(others.values()), names, self.instructions)
        return asked, list(pictures)

    def run(self, clusters: list[int], key: str | None, max_concurrency: int, timeout: float, progress):
        """Asks about clusters; ``found`` and ``failed`` fill as answers arrive, also if it is stopped."""
        jobs = []
        for cluster in clusters:
            digest = self.digest(cluster)
            if (kept := self.kept(digest)) is not None:
                self.found[cluster] = kept
            else:
                jobs.append(self._job(cluster, digest))

        def report(asker):
            done = len(self.found) + len(self.failed)
            progress(done / len(clusters), f"{len(self.found)} of {len(clusters)} named{news(self, asker)}")

        self.ask(jobs, key, max_concurrency, timeout, report)

    def disambiguate(self, key: str | None, max_concurrency: int, timeout: float, progress):
        """The second pass: one question for every group of clusters with names too much alike."""
        names, groups = self._alike()
        if groups and not self.stopped and not self.instructions.words:
            parts = [group[i : i + MOST_ALIKE] for group in groups for i in range(0, len(group), MOST_ALIKE)]
            jobs = []
            for group in (part for part in parts if len(part) > 1):
                digest = digest_of(["alike", *[[c, names[c], self.digest(c)] for c in group]])
                if (kept := self.kept(digest)) is not None:
                    self._rename(group, kept)
                else:
                    jobs.append(self._contrast_job(group, names, digest))
            told = f"{len(jobs)} groups of clusters with one name"
            self.ask(jobs, key, max_concurrency, timeout, lambda asker: progress(0.5, told + news(self, asker)))
        self.shared = self._alike()[1]

    def preview(self, clusters: list[int]) -> dict:
        """What would be sent, and what it would take; nothing is sent."""
        questions, low, high = [], 0, 0
        for cluster in clusters:
            try:
                question, ids = self.question(cluster)
            except Failure as failure:
                self.failed[cluster] = failure.reason
                continue
            text, pictures = as_sent(question, self.instructions.layout == "sheet")
            entry = {"cluster": cluster, "system": question.system, "text": text, "images": ids, "pictures": pictures}
            questions.append(entry)
            words = text_tokens(question.system + text)
            low += words + sum(image_tokens(*size_of(picture)) for picture in pictures)
            high += words + sum(most_image_tokens(*size_of(picture)) for picture in pictures)
        n, price = len(questions), self.choice.price
        outputs = (n * ANSWER_TOKENS // 2, n * ANSWER_TOKENS * 2)
        pictures = [picture for entry in questions for picture in entry["pictures"]]
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

    def _job(self, cluster, digest):
        shown = []

        def make():
            question, ids = self.question(cluster)
            shown[:] = ids
            return question

        def read(text, lenient):
            return read_answer(text, len(shown), self.instructions.max_words, self.instructions.words, lenient)

        def arrived(answer, used):
            about = self._about(cluster, digest, answer, used, list(shown))
            self.keep(digest, about)
            self.found[cluster] = about

        return cluster, make, read, arrived

    def _about(self, cluster, digest, answer, used, shown) -> dict:
        """What is kept about a name."""
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

    def _contrast_job(self, group, names, digest):
        def make():
            pictures = [list(self.pictures(self.exemplars.chosen[c], CONTRAST_IMAGES).values()) for c in group]
            return prompt.contrast_question(pictures, [names[c] for c in group], self.instructions)

        def read(text, lenient):
            return read_group_names(text, len(group), self.instructions.max_words)

        def arrived(found, used):
            told = {"names": found, "tokens": {"input": used.input_tokens, "output": used.output_tokens}}
            self.keep(digest, told)
            self._rename(group, told)

        return None, make, read, arrived

    def _alike(self) -> tuple[dict, list]:
        """All names there are, and the groups among them that are too much alike and have a new one."""
        names = {c: about["name"] for c, about in {**self.known, **self.found}.items() if about.get("name")}
        return names, [group for group in alike(names) if any(cluster in self.found for cluster in group)]

    def _rename(self, group, told):
        """Takes names that tell a group apart; clusters that were not asked about in this job keep theirs."""
        for cluster, name in zip(group, told["names"], strict=True):
            if name and cluster in self.found:
                about = self.found[cluster]
                # what the question took is of the whole group
                origin = {"first_name": about["name"], "group": group, "tokens": told["tokens"]}
                self.found[cluster] = {**about, "name": name, "told_apart": origin}

    def _name_of(self, cluster):
        about = self.found.get(cluster) or self.known.get(cluster)
        if about and about.get("name"):
            return about["name"]
        label = self.labels.get(cluster, "")
        return None if is_default_name(cluster, label) else label

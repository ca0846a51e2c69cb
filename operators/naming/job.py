"""Names for the clusters of a run: what is asked for, checked; the job; and what came of it."""

import time
from typing import Annotated, Literal

from pydantic import Field

from ...models.labels import NOISE
from ...models.naming.answers import alike
from ...models.naming.prompt import Instructions
from ...models.parameters import parameters, typed, validated
from ..execution.locks import write_lock
from ..execution.stages import Stages
from ..runs.members import Members
from ..runs.run import Run
from .exemplars import choose_exemplars
from .llm import LLMNaming
from .request import NamingRequest, check_consent, read_words
from .server import choose_server, key_for, read_secrets
from .session import by_reason
from .store import BY, apply_names, read_names, save_report

LLM, VOCABULARY, CLASSIFIER, FIELD = "llm", "vocabulary", "classifier", "field"
OVER_CAP = "over max_clusters"


def label_clusters(
    samples,
    run_key: str,
    source: Literal["llm", "vocabulary", "classifier", "field"] = LLM,
    model: str | None = None,
    base_url: str | None = None,
    api: Literal["auto", "responses", "chat"] = "auto",
    consent: bool = False,
    dry_run: bool = False,
    clusters: list | None = None,
    overwrite: bool = False,
    max_clusters: Annotated[int, Field(ge=1)] = 200,
    max_spend: Annotated[float | None, Field(gt=0)] = None,
    price: list | None = None,
    context: str = "",
    focus: str = "",
    language: str = "English",
    max_words: int = 4,
    vocabulary: str | list | None = None,
    n_exemplars: int = 9,
    image_size: int = 512,
    layout: Literal["images", "sheet"] = "images",
    contrast: Literal["images", "names", "none"] = "images",
    max_concurrency: Annotated[int, Field(ge=1, le=64)] = 4,
    timeout: Annotated[float, Field(gt=0, le=3600)] = 60.0,
    label_field: str | None = None,
    encoder: str | None = None,
    seed: Annotated[int, Field(ge=0)] = 51,
    progress=None,
) -> dict:
    """Names the clusters of a run; noise is never named and never sent.

    A repeated call asks only about clusters that have no name yet or whose members, images, instructions or model have
    changed, and leaves names alone that somebody gave by hand. All names of a call are one edit, which
    ``edit_clusters(action="undo")`` takes back.

    Args:
        samples: the dataset, or a view into it
        run_key: the run's key
        source ("llm"): ``"llm"``, a vision model at a server; or without any network ``"vocabulary"``, CLIP's text
            tower over words; ``"classifier"``, the offline encoder's own ImageNet classifier; ``"field"``, an existing
            label field
        model (None): the model's name at the server, by default the secret ``CONSTELLATION_LLM_MODEL``, else
            ``gpt-6-luna`` at OpenAI
        base_url (None): the server's address, such as ``"http://localhost:11434/v1"``, by default the secret
            ``OPENAI_BASE_URL``, else OpenAI
        api ("auto"): ``"responses"``, ``"chat"``, or ``"auto"``: Responses at OpenAI, Chat Completions elsewhere
        consent (False): whether images may be sent to OpenAI, or to the server that ``base_url`` names; not asked for
            servers on this machine
        dry_run (False): whether to return the questions and pictures instead of sending them
        clusters (None): the ids of the clusters to name, by default all
        overwrite (False): whether to ask again about clusters that have a name
        max_clusters (200): clusters that are asked about, the largest first
        max_spend (None): US dollars; the job ends before the question that might pass them
        price (None): US dollars per million tokens ``[input, output]``, by default those of the price table
        context (""): what the images are
        focus (""): what names are about, such as ``"the action"``
        language ("English"): language of the names
        max_words (4): words of a name, at most
        vocabulary (None): names to choose from: a list, a text with one a line or separated by commas, or the path of
            a ``.txt`` file; with ``source="vocabulary"`` by default the class names of ImageNet
        n_exemplars (9): members of each cluster that are shown
        image_size (512): pixels of an image's longer side
        layout ("images"): ``"images"``, or ``"sheet"`` for servers that take one image
        contrast ("images"): what is shown of the nearest clusters as "not this": ``"images"``, ``"names"``, ``"none"``
        max_concurrency (4): questions at a time
        timeout (60): seconds that a question may take
        label_field (None): with ``source="field"``, the label field
        encoder (None): with ``source="vocabulary"``, a CLIP encoder such as ``"clip:ViT-B-32/openai"``
        seed (51): seed of the choice of images
        progress (None): a callable ``(fraction, message)``, which may raise to stop; names that came are kept

    Returns:
        plain data: run_key, source, model, host, n_clusters, named, unchanged, mixed, names, failures (clusters by
        reason), failed (reason by cluster), shared, calls, images_sent, input_tokens, output_tokens, cost, seconds,
        stopped, text. With ``dry_run``: questions (each with its pictures as JPEG bytes), n_questions, n_images,
        n_bytes, tokens and cost as ``(low, high)``

    Raises:
        ValueError: in one sentence, if an argument is refused, the host was not agreed to, or the server cannot be used
    """
    given = {key: value for key, value in locals().items() if key not in ("samples", "progress")}
    return name_clusters(samples, given, read_secrets(), progress)


def check_naming(samples, secrets: dict | None = None, progress=None, **given) -> NamingRequest:
    """Refuses the arguments of :func:`label_clusters` that can be refused before any work.

    Raises:
        ValueError: in one sentence
    """
    given = typed(label_clusters, given)
    run, source = Run.open(samples, given["run_key"]), given["source"]
    words = read_words(given["vocabulary"])
    told = {name: given[name] for name in parameters(Instructions) if name != "vocabulary"}
    told["vocabulary"] = "\n".join(words) if source == LLM else ""
    instructions = Instructions(**validated(Instructions, told))
    if source == FIELD and not given["label_field"]:
        raise ValueError("source='field' needs a label field; name it with label_field=")
    choice = None
    if source == LLM:
        secrets = read_secrets() if secrets is None else secrets
        choice = choose_server(given["base_url"], given["model"], given["api"], given["price"], secrets)
        if given["max_spend"] and choice.price is None:
            raise ValueError(
                f"max_spend={given['max_spend']:g} cannot be kept, for the price of {choice.model!r} is not known; "
                "give price=[<input>, <output>] in US dollars per million tokens"
            )
    request = NamingRequest(run, source, instructions, words, choice, given)
    if source == LLM and not given["dry_run"]:
        check_consent(request)
    return request


def name_clusters(samples, given: dict, secrets: dict, progress=None) -> dict:
    """As :func:`label_clusters`, with the secrets that the operator's context holds.

    Args:
        samples: the dataset, or a view into it
        given: all arguments of :func:`label_clusters` by name
        secrets: from :func:`operators.llm_server.read_secrets`
        progress (None): a callable ``(fraction, message)``

    Raises:
        ValueError: in one sentence, as there
    """
    request = check_naming(samples, secrets, **given)
    key = None
    if request.source == LLM and not given["dry_run"]:
        key = key_for(request.choice, secrets)
    started = time.monotonic()
    names = ["choosing images", "naming", *["telling apart"] * (request.source == LLM), "writing"]
    stages = Stages(names, progress)
    with write_lock(request.run.dataset, f"names of run {request.run.key!r}"):
        members = request.run.members()
        asked = _asked(request, members)
        if request.source == LLM:
            summary = _name_by_llm(request, members, asked, key, stages)
        else:
            summary = _name_offline(request, members, asked, stages)
    return summary if given["dry_run"] else {**summary, "seconds": round(time.monotonic() - started, 2)}


def _asked(request, members: Members) -> list[int]:
    """The clusters that are to be named, the largest first."""
    sizes = {c["id"]: c["size"] for c in members.clusters if c["id"] != NOISE}
    there = set(members.by_cluster())
    wanted = request.given["clusters"]
    if wanted is not None:
        strange = [c for c in wanted if c not in sizes]
        if strange or not wanted:
            raise ValueError(
                f"run {request.run.key!r} has no cluster {strange[0] if strange else 'in an empty list'}; its clusters "
                f"are {', '.join(map(str, sorted(sizes)[:10]))}{'...' if len(sizes) > 10 else ''}"
            )
    chosen = [c for c in (wanted or sizes) if c in there]
    if not chosen:
        raise ValueError(f"run {request.run.key!r} has no clusters, only noise, which is never named; compute others")
    return sorted(dict.fromkeys(chosen), key=lambda c: (-sizes[c], c))


def _name_by_llm(request, members, asked, key, stages) -> dict:
    given, choice = request.given, request.choice
    report = stages.enter("choosing images")
    exemplars = choose_exemplars(members, request.instructions.n_exemplars, given["seed"])
    report(0.5)
    known = read_names(request.run)
    job = LLMNaming(exemplars, request.instructions, choice, known, given["max_spend"], given["overwrite"])
    todo = [c for c in asked if _needs_name(c, known.get(c), job, given)]
    capped = todo[given["max_clusters"] :]
    todo = todo[: given["max_clusters"]]
    if given["dry_run"]:
        return job.preview(todo)
    try:
        job.run(todo, key, given["max_concurrency"], given["timeout"], stages.enter("naming"))
        job.check(answered=bool(job.found))
        job.disambiguate(key, given["max_concurrency"], given["timeout"], stages.enter("telling apart"))
    except BaseException:
        # whatever ended it: what came has been paid for
        apply_names(request.run, job.found, LLM)
        raise
    job.failed.update(dict.fromkeys(capped, OVER_CAP))
    named = apply_names(request.run, job.found, LLM, stages.enter("writing"))
    stages.leave()
    summary = {
        **_summary(request, members, job.found, job.failed, named, unchanged=len(asked) - len(todo) - len(capped)),
        **job.used(),
        "shared": job.shared,
    }
    summary["text"] = end_text(summary)
    kept = {key: value for key, value in summary.items() if key not in ("names", "failed", "shared")}
    failed = {str(cluster): reason for cluster, reason in job.failed.items()}
    save_report(request.run, {**kept, "failed": failed, "consent": bool(given["consent"])})
    return summary


def _needs_name(cluster, about, job, given) -> bool:
    """Whether a cluster is to be asked about: it has no name, or one that no longer fits."""
    if given["overwrite"] or not about:
        return True
    by_hand = not str(about.get("by", "")).startswith(BY)
    if by_hand:
        return given["clusters"] is not None
    return about.get("digest") != job.digest(cluster)


def _name_offline(request, members, asked, stages) -> dict:
    from .offline import offline_names

    if request.given["dry_run"]:
        raise ValueError(f"dry_run shows what would be sent, and source={request.source!r} sends nothing; leave it out")
    known = read_names(request.run)
    by_hand = [c for c in asked if known.get(c) and not str(known[c].get("by", "")).startswith(BY)]
    kept = set(by_hand) if request.given["clusters"] is None and not request.given["overwrite"] else set()
    todo = [c for c in asked if c not in kept][: request.given["max_clusters"]]
    found, failed = offline_names(request, members, todo, stages)
    failed.update({c: OVER_CAP for c in asked if c not in kept and c not in todo})
    named = apply_names(request.run, found, request.source, stages.enter("writing"))
    stages.leave()
    summary = _summary(request, members, found, failed, named, unchanged=len(kept))
    summary |= {"model": None, "host": None, "shared": alike(summary["names"]), "calls": 0, "images_sent": 0}
    summary |= {"input_tokens": 0, "output_tokens": 0, "cost": 0.0, "stopped": None}
    summary["text"] = end_text(summary)
    return summary


def _summary(request, members, found, failed, named, unchanged) -> dict:
    return {
        "run_key": request.run.key,
        "source": request.source,
        "n_clusters": sum(c["id"] != NOISE for c in members.clusters),
        "named": named,
        "unchanged": unchanged,
        "mixed": sum(not about.get("coherent", True) for about in found.values()),
        "names": {cluster: found[cluster]["name"] for cluster in sorted(found)},
        "failures": by_reason(failed),
        "failed": failed,
    }


def end_text(summary: dict) -> str:
    """How a job ended, in one or two sentences: ``97 of 100 named, 3 need another try: filtered (2), ...``."""
    total = summary["named"] + len(summary["failed"])
    if not total:
        return f"All {summary['unchanged']:,} had a name, and nothing they depend on has changed"
    text = f"{summary['named']:,} of {total:,} named"
    if summary["unchanged"]:
        text += f", {summary['unchanged']:,} others had a name"
    if summary["failed"]:
        why = ", ".join(f"{reason} ({n:,})" for reason, n in summary["failures"].items())
        n = len(summary["failed"])
        again = "another try" if summary["source"] == LLM else "a name from elsewhere"
        text += f", {n:,} need{'s' if n == 1 else ''} {again}: {why}"
    if summary["stopped"]:
        text += f"; ended early: {summary['stopped']}"
    return text

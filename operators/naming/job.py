"""Naming job: names for the clusters of a run, from a model or offline."""

import time
from typing import Annotated, Any, Literal

import fiftyone as fo
from pydantic import Field

from ...models.labels import NOISE
from ...models.naming.answers import alike
from ...models.parameters import SEED, typed
from ...models.progress import Progress
from ..execution.locks import write_lock
from ..execution.stages import Stages
from ..runs.members import Members
from .exemplars import choose_exemplars
from .llm import LLMNaming
from .request import LLM, NamingArguments, NamingRequest, make_naming_request
from .server import ServerChoice, key_for, read_secrets
from .store import BY, apply_names, read_names, save_report
from .summary import NOTHING_SENT, summarize

OVER_CAP = "over max_clusters"


def label_clusters(
    samples: fo.core.collections.SampleCollection,
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
    seed: Annotated[int, Field(ge=0)] = SEED,
    progress: Progress | None = None,
) -> dict:
    """Name the clusters of a run; noise is never named and never sent.

    A repeated call asks only about clusters that have no name yet or whose members, images, instructions or model have
    changed, and leaves names alone that were given by hand. All names of a call are one edit, which
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
        ValueError: if an argument is refused, the host was not agreed to, or the server cannot be used
    """
    arguments = NamingArguments(
        run_key=run_key,
        source=source,
        model=model,
        base_url=base_url,
        api=api,
        consent=consent,
        dry_run=dry_run,
        clusters=clusters,
        overwrite=overwrite,
        max_clusters=max_clusters,
        max_spend=max_spend,
        price=price,
        context=context,
        focus=focus,
        language=language,
        max_words=max_words,
        vocabulary=vocabulary,
        n_exemplars=n_exemplars,
        image_size=image_size,
        layout=layout,
        contrast=contrast,
        max_concurrency=max_concurrency,
        timeout=timeout,
        label_field=label_field,
        encoder=encoder,
        seed=seed,
    )
    return name_clusters(samples, arguments, read_secrets(), progress)


def check_naming(
    samples: fo.core.collections.SampleCollection,
    secrets: dict[str, str | None] | None = None,
    progress: Progress | None = None,
    **given: Any,
) -> NamingRequest:
    """Refuse the arguments of :func:`label_clusters` that can be refused before any work.

    Args:
        samples: the dataset, or a view into it
        secrets (None): from :func:`operators.naming.server.read_secrets`, by default read here
        progress (None): not used
        **given: all other arguments
    """
    arguments = NamingArguments(**typed(label_clusters, given))
    return make_naming_request(samples, arguments, read_secrets() if secrets is None else secrets)


def name_clusters(
    samples: fo.core.collections.SampleCollection,
    arguments: NamingArguments,
    secrets: dict[str, str | None],
    progress: Progress | None = None,
) -> dict:
    """Name clusters as :func:`label_clusters` does, with the secrets that the operator's context holds."""
    request = check_naming(samples, secrets, **vars(arguments))
    arguments, choice = request.arguments, request.choice
    key = key_for(choice, secrets) if choice and not arguments.dry_run else None
    started = time.monotonic()
    names = ["choosing images", "naming", *["disambiguating"] * (choice is not None), "writing"]
    stages = Stages(names, progress)
    with write_lock(request.run.dataset, f"names of run {request.run.key!r}"):
        members = request.run.members()
        wanted = _wanted(request, members)
        if choice:
            summary = _name_by_llm(request, choice, members, wanted, key, stages)
        else:
            summary = _name_offline(request, members, wanted, stages)
    return summary if arguments.dry_run else {**summary, "seconds": round(time.monotonic() - started, 2)}


def _wanted(request: NamingRequest, members: Members) -> list[int]:
    """Return the clusters that are to be named, the largest first."""
    sizes = {c["id"]: c["size"] for c in members.clusters if c["id"] != NOISE}
    there = set(members.by_cluster())
    wanted = request.arguments.clusters
    if wanted is not None:
        unknown = [c for c in wanted if c not in sizes]
        if unknown or not wanted:
            raise ValueError(
                f"run {request.run.key!r} has no cluster {unknown[0] if unknown else 'in an empty list'}; its clusters "
                f"are {', '.join(map(str, sorted(sizes)[:10]))}{'...' if len(sizes) > 10 else ''}"
            )
    chosen = [c for c in (wanted or sizes) if c in there]
    if not chosen:
        raise ValueError(f"run {request.run.key!r} has no clusters, only noise, which is never named; compute others")
    return sorted(dict.fromkeys(chosen), key=lambda c: (-sizes[c], c))


def _name_by_llm(
    request: NamingRequest, choice: ServerChoice, members: Members, wanted: list[int], key: str | None, stages: Stages
) -> dict:
    arguments, run = request.arguments, request.run
    report = stages.enter("choosing images")
    exemplars = choose_exemplars(members, request.instructions.n_exemplars, arguments.seed)
    report(0.5)
    known = read_names(run)
    job = LLMNaming(exemplars, request.instructions, choice, known, arguments, key)
    todo = [c for c in wanted if _needs_name(c, known.get(c), job)]
    todo, capped = todo[: arguments.max_clusters], todo[arguments.max_clusters :]
    if arguments.dry_run:
        return job.preview(todo)
    try:
        job.run(todo, stages.enter("naming"))
        job.check(answered=bool(job.found))
        job.disambiguate(stages.enter("disambiguating"))
    except BaseException:
        # whatever ended it: the names that came have been paid for
        apply_names(run, job.found, LLM)
        raise
    job.failed.update(dict.fromkeys(capped, OVER_CAP))
    named = apply_names(run, job.found, LLM, stages.enter("writing"))
    stages.leave()
    unchanged = len(wanted) - len(todo) - len(capped)
    summary = summarize(request, members, job.found, job.failed, named, unchanged, **job.used(), shared=job.shared)
    kept = {name: value for name, value in summary.items() if name not in ("names", "failed", "shared")}
    failed = {str(cluster): reason for cluster, reason in job.failed.items()}
    save_report(run, {**kept, "failed": failed, "consent": bool(arguments.consent)})
    return summary


def _needs_name(cluster: int, about: dict | None, job: LLMNaming) -> bool:
    """Return whether a cluster is to be asked about: it has no name, or one that no longer fits."""
    if job.arguments.overwrite or not about:
        return True
    if _by_hand(about):
        return job.arguments.clusters is not None
    return about.get("digest") != job.digest(cluster)


def _by_hand(about: dict) -> bool:
    """Return whether a name was given by hand."""
    return not str(about.get("by", "")).startswith(BY)


def _name_offline(request: NamingRequest, members: Members, wanted: list[int], stages: Stages) -> dict:
    from .offline import offline_names

    arguments, run = request.arguments, request.run
    if arguments.dry_run:
        raise ValueError(
            f"dry_run shows what would be sent, and source={arguments.source!r} sends nothing; leave it out"
        )
    known = read_names(run)
    kept = set()
    if arguments.clusters is None and not arguments.overwrite:
        kept = {c for c in wanted if known.get(c) and _by_hand(known[c])}
    todo = [c for c in wanted if c not in kept][: arguments.max_clusters]
    found, failed = offline_names(request, members, todo, stages)
    failed.update({c: OVER_CAP for c in wanted if c not in kept and c not in todo})
    shared = alike({cluster: about["name"] for cluster, about in found.items()})
    named = apply_names(run, found, arguments.source, stages.enter("writing"))
    stages.leave()
    return summarize(request, members, found, failed, named, len(kept), **NOTHING_SENT, shared=shared)

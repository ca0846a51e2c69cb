"""The tab with the run's record, and the forms that it opens."""

import fiftyone.operators as foo
from fiftyone.plugins.orgs.constellation.clusters.operators.inputs.clustering import arguments

from .panel_browser import Browser


def open_form(browser, name):
    (prompt,) = browser.call("on_tab", tab="details").call("on_run_form", form=name).got("prompt_user_for_operation")
    return prompt


def repeated(browser):
    """The arguments of the form that repeats the run, untouched."""
    prompt = open_form(browser, "compute_clusters")
    request = {"dataset_name": browser.dataset.name, "params": prompt["params"]}
    _, kwargs = arguments(foo.ExecutionContext(request, operator_uri=prompt["operator_uri"]))
    return kwargs


def test_a_run_is_repeated_with_all_that_it_was_made_with(browser, compute):
    kwargs = repeated(browser)
    assert kwargs["embeddings"] == "emb" and kwargs["params"]["n_clusters"] == 3 and kwargs["seed"] == 51
    assert kwargs["ground_truth"] == "ground_truth" and kwargs["visualize"] is False and "run_key" not in kwargs
    again = compute(browser.dataset, run_key="again", **{k: v for k, v in kwargs.items() if k != "visualize"})
    assert again["n_clusters"] == 3


def test_patches_several_fields_and_a_reduction_come_along(patches, compute):
    compute(
        patches, patches_field="things", embeddings="emb", run_key="pt", reduce="pca", reduce_params={"n_components": 5}
    )
    kwargs = repeated(Browser(patches))
    assert kwargs["patches_field"] == "things" and kwargs["reduce"] == "pca"
    assert kwargs["reduce_params"]["n_components"] == 5


def test_the_run_is_renamed_from_its_tab(browser):
    prompt = open_form(browser, "rename_clustering_run")
    assert prompt["params"] == {"run_key": "km"} and prompt["on_success"].endswith("#on_done")


def test_the_run_is_judged_in_words_and_figures_are_in_tooltips(browser):
    words = "excellent agreement with ground_truth"
    assert f"{words} · 3 tight" in browser.drawn
    browser.call("on_tab", tab="details")
    assert f"{words[0].upper()}{words[1:]}; 3 tight" in browser.drawn
    shown = [found["title"] for found in texts(browser)]
    assert not [line for line in shown if "silhouette" in line or "ARI" in line]
    (help,) = {found["componentsProps"]["text"]["title"] for found in texts(browser) if words[1:] in found["title"]}
    against, own = help.split("\n")
    assert "Against ground_truth: accuracy 1.000" in against and "ARI 1.000" in against and "silhouette" not in against
    assert "Only to be compared with runs on the same vectors: silhouette 0." in own
    record = browser.got("show_panel_output")[-1]["output"]["type"]["properties"]["details"]
    assert "silhouette" not in str(record) and "n_clusters=3" in str(record)


def test_what_was_edited_or_has_no_classes_is_judged_as_far_as_it_is_known(browser, compute):
    edit = foo.get_operator("@constellation/clusters/edit_clusters")
    edit(browser.dataset, run_key="km", action="dissolve", clusters=[2])
    browser.call("on_refresh")
    assert "2 tight · 33 % noise" in browser.drawn
    compute(browser.dataset, run_key="plain")
    browser.dataset.set_values("emb", [None] * 60)  # an edit then leaves nothing that is known of it
    edit(browser.dataset, run_key="plain", action="merge", clusters=[0, 1])
    bare = browser.call("on_run", value="plain").call("on_tab", tab="details")
    assert "agreement with" not in bare.drawn and " tight" not in bare.drawn


def texts(browser):
    """The views of all lines of text on the panel."""

    def views(node):
        if isinstance(node, dict):
            if node.get("name") == "TextView":
                yield node
            for child in node.values():
                yield from views(child)

    return list(views(browser.got("show_panel_output")[-1]))

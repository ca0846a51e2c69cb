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

"""The shapes of data of the matrix: datasets whose items have known groups, and how to read them without our code.

An item is what a run clusters: a sample, a frame, or a label. Each has its group, 0 to 2, in ``group``, a vector near
its group's center in ``emb``, its class in ``kind`` and a vector of its half, 0 or 1, in ``half``.
"""

import fiftyone as fo
import numpy as np
from fiftyone import ViewField as F

CLASSES = ["ash", "birch", "cedar"]
BOX = [0.1, 0.1, 0.5, 0.5]
_CENTERS = np.eye(3, 16) * 10


def facts(number: int) -> dict:
    """Fields of the item with this number."""
    noise = np.random.default_rng(number).normal(size=(2, 16)) / 10
    group, half = number % 3, number % 2
    return {
        "group": group,
        "kind": CLASSES[group],
        "emb": (_CENTERS[group] + noise[0]).tolist(),
        "half": (_CENTERS[half] + noise[1]).tolist(),
    }


class Shape:
    """A dataset of 30 samples, clustered as a whole; the other shapes say what differs.

    Args:
        items: the path of the items in the dataset, with its dot; empty for samples
        patches_field: of the run
    """

    items = ""
    patches_field: str | None = None
    per_sample = 1
    n_samples = 30
    n_clustered = 30

    def build(self) -> fo.Dataset:
        """Makes the dataset."""
        dataset = fo.Dataset(persistent=True)
        self.declare(dataset)
        self.grow(dataset, 0, self.n_samples)
        return dataset

    def declare(self, dataset: fo.Dataset):
        """Declares the fields of items."""
        if self.items.startswith("frames."):
            dataset.media_type = "video"
        add = dataset.add_frame_field if self.items.startswith("frames.") else dataset.add_sample_field
        for name in ("emb", "half"):
            add(self.items.removeprefix("frames.") + name, fo.VectorField)
        for name, kind in (("group", fo.IntField), ("kind", fo.StringField)):
            add(self.items.removeprefix("frames.") + name, kind)

    def grow(self, dataset: fo.Dataset, first: int, count: int):
        """Adds samples, numbered on from ``first``."""
        numbers = range(first, first + count)
        dataset.add_samples(
            [self.sample(n, [facts(n * self.per_sample + i) for i in range(self.per_sample)]) for n in numbers]
        )

    def sample(self, number: int, found: list[dict]) -> fo.Sample:
        """One sample with its items."""
        return fo.Sample(filepath=f"/nowhere/{number}.png", **self.parent(number), **found[0])

    def parent(self, number: int) -> dict:
        """Fields of samples that views filter, sort and group by."""
        return {"n": number, "scene": f"scene {number % 4}", "tags": ["todo"] if number < 20 or number >= 30 else []}

    def clustered(self, dataset: fo.Dataset):
        """What the run is made on."""
        return self.opened(dataset)

    def opened(self, dataset: fo.Dataset):
        """What operators are called with afterwards."""
        return dataset

    def taken(self, dataset: fo.Dataset) -> fo.Dataset:
        """The dataset that is worked on, once the run is there."""
        return dataset

    def read(self, dataset: fo.Dataset, *paths: str) -> list[tuple]:
        """Reads values of all items of the dataset as FiftyOne gives them: a tuple per item."""
        every = dataset.select_group_slices(_allow_mixed=True) if dataset.media_type == "group" else dataset
        return list(zip(*every.values([self.items + path for path in paths], unwind=bool(self.items)), strict=True))

    def visible(self, dataset: fo.Dataset) -> set[str]:
        """Ids of the items that operators are called with."""
        ids = {sample for (sample,) in self.read_parents(self.opened(dataset))}
        return {item for item, sample in self.parents(dataset).items() if sample in ids}

    def read_parents(self, collection) -> list[tuple]:
        return [(key,) for key in collection.values("id")]

    def parents(self, dataset: fo.Dataset) -> dict[str, str]:
        """The sample of each item."""
        return {item: item for (item,) in self.read(dataset, "id")}


class View(Shape):
    """A filtered, sorted and limited view, made of fields that change later."""

    n_clustered = 18

    def clustered(self, dataset):
        return dataset.match(F("n") < 20).sort_by("n", reverse=True).limit(18)


class SavedView(Shape):
    """A saved view, which later shows other samples."""

    n_clustered = 20

    def clustered(self, dataset):
        dataset.save_view("mine", dataset.match_tags("todo"))
        return self.opened(dataset)

    def opened(self, dataset):
        return dataset.load_saved_view("mine")


class Clone(Shape):
    """The clone of a dataset with the run."""

    def taken(self, dataset):
        return dataset.clone(persistent=True)


class Patches(Shape):
    """Three detections on each of ten samples."""

    items, patches_field, per_sample, n_samples = "things.detections.", "things", 3, 10

    def declare(self, dataset):
        dataset.add_sample_field("things", fo.EmbeddedDocumentField, embedded_doc_type=fo.Detections)
        super().declare(dataset)

    def sample(self, number, found):
        boxes = [fo.Detection(label=one["kind"], bounding_box=BOX, **one) for one in found]
        return fo.Sample(
            filepath=f"/nowhere/{number}.png", **self.parent(number), things=fo.Detections(detections=boxes)
        )

    def parents(self, dataset):
        pairs = zip(*dataset.values(["id", "things.detections.id"]), strict=True)
        return {item: sample for sample, items in pairs for item in items or []}


class Frames(Shape):
    """Ten frames of each of three videos."""

    items, per_sample, n_samples = "frames.", 10, 3

    def sample(self, number, found):
        video = fo.Sample(filepath=f"/nowhere/{number}.mp4", **self.parent(number))
        for place, one in enumerate(found, start=1):
            video.frames[place] = fo.Frame(filepath=f"/nowhere/{number}_{place}.png", **one)
        return video

    def opened(self, dataset):
        return dataset.to_frames()

    def visible(self, dataset):
        return set(self.parents(dataset))

    def parents(self, dataset):
        pairs = zip(*dataset.values(["id", "frames.id"]), strict=True)
        return {item: sample for sample, items in pairs for item in items}


class FramePatches(Frames):
    """Two detections on each of five frames of three videos."""

    items, patches_field, per_sample = "frames.det.detections.", "det", 10

    def declare(self, dataset):
        dataset.media_type = "video"  # before any frame field
        dataset.add_frame_field("det", fo.EmbeddedDocumentField, embedded_doc_type=fo.Detections)
        super().declare(dataset)

    def sample(self, number, found):
        video = fo.Sample(filepath=f"/nowhere/{number}.mp4", **self.parent(number))
        for place in range(1, 6):
            two = found[2 * place - 2 : 2 * place]
            boxes = [fo.Detection(label=one["kind"], bounding_box=BOX, **one) for one in two]
            path = f"/nowhere/{number}_{place}.png"
            video.frames[place] = fo.Frame(filepath=path, det=fo.Detections(detections=boxes))
        return video

    def parents(self, dataset):
        pairs = zip(*dataset.values(["id", "frames.det.detections.id"]), strict=True)
        return {item: sample for sample, frames in pairs for items in frames for item in items}


class GroupSlice(Shape):
    """Groups of two slices, of which the active one is clustered."""

    def declare(self, dataset):
        dataset.add_group_field("group_of", default="left")
        super().declare(dataset)

    def grow(self, dataset, first, count):
        for number in range(first, first + count):
            group = fo.Group()
            slices = {}
            for place, name in enumerate(["left", "right"]):
                one = self.sample(2 * number + place, [facts(number + 100 * place)])
                one["n"], one["group_of"] = number, group.element(name)
                slices[name] = one
            dataset.add_samples(list(slices.values()))


class DynamicGroup(Shape):
    """Samples that the App shows grouped by a field."""

    def opened(self, dataset):
        return dataset.group_by("scene")

    def visible(self, dataset):
        return set(self.parents(dataset))


SHAPES = {
    "dataset": Shape(),
    "view": View(),
    "frames": Frames(),
    "patches": Patches(),
    "frame patches": FramePatches(),
    "group slice": GroupSlice(),
    "dynamic group": DynamicGroup(),
    "clone": Clone(),
    "saved view": SavedView(),
}

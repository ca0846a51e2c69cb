"""Naming: offline names of known classes, and a hundred clusters through a server that fails now and then.

    python tests/benchmarks/naming.py                   # 100 clusters, 8 at a time, 5 % failures and 429s
    python tests/benchmarks/naming.py --data FOLDER     # one folder of images per class: names by the classifier

Exits with 1 if fewer than six of CIFAR-10's ten names are the class or a kind of it, or a cluster stays without a name.
"""

import argparse
import json
import os
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests"))

from naming_server import GOOD, NamingServer, say, slow, status
from stack import Mongod, fiftyone_environment

# ImageNet has no deer; of antelopes only names with "deer" would count
KINDS = {
    "airplane": "airliner aircraft airplane warplane",
    "automobile": "car wagon convertible limousine jeep minivan cab automobile",
    "bird": "bird brambling goldfinch finch junco bunting robin bulbul jay magpie chickadee dipper kite eagle vulture "
    "owl rooster hen ostrich grouse ptarmigan peafowl quail partridge parrot macaw cockatoo lorikeet coucal "
    "hornbill hummingbird jacamar toucan duck merganser goose swan stork spoonbill flamingo heron egret "
    "bittern crane limpkin gallinule coot bustard turnstone dunlin redshank dowitcher oystercatcher pelican "
    "penguin albatross eater",
    "cat": "cat mau",
    "deer": "deer",
    "dog": "dog terrier spaniel hound retriever setter pointer poodle corgi collie sheepdog shepherd chin chihuahua "
    "maltese pekingese tzu papillon beagle whippet saluki husky malamute pug pomeranian chow keeshond griffon "
    "dalmatian affenpinscher basenji leonberger newfoundland samoyed boxer mastiff bulldog dane bernard "
    "schnauzer vizsla",
    "frog": "frog bullfrog",
    "horse": "horse sorrel",
    "ship": "ship liner boat motorboat sailboat lifeboat fireboat speedboat catamaran trimaran schooner carrier",
    "truck": "truck van tow trailer",
}


def is_kind(name: str, kind: str) -> bool:
    """True if a name is the class or a kind of it, by its words."""
    return bool(set(name.lower().replace("-", " ").split()) & set(KINDS.get(kind, kind.lower()).split()))


def by_class(folder: Path, per_class: int, seed: int = 51):
    """A dataset of some images of each class, in a run whose clusters are the classes."""
    import fiftyone as fo
    import fiftyone.operators as foo
    import numpy as np

    rng = np.random.default_rng(seed)
    dataset, samples = fo.Dataset(), []
    classes = sorted(path for path in folder.iterdir() if path.is_dir())
    for place, path in enumerate(classes):
        files = sorted(file for file in path.iterdir() if file.is_file())
        for row in rng.choice(len(files), min(per_class, len(files)), replace=False):
            vector = 10 * np.eye(len(classes))[place] + rng.normal(size=len(classes)) * 0.1
            samples.append(fo.Sample(filepath=str(files[row]), emb=vector, truth=path.name))
    dataset.add_samples(samples, progress=False)
    compute = foo.get_operator("@constellation/clusters/compute_clusters")
    compute(dataset, run_key="classes", embeddings="emb", params={"n_clusters": len(classes)}, visualize=False)
    return dataset


def name_classes(folder: Path, per_class: int) -> bool:
    """Names of classes by the classifier; whether six in ten are right."""
    import fiftyone.operators as foo

    dataset = by_class(folder, per_class)
    done = foo.get_operator("@constellation/clusters/label_clusters")(dataset, run_key="classes", source="classifier")
    truth = dict(set(zip(*dataset.values(["classes.cluster", "truth"]), strict=True)))
    parts = dataset.load_run_results("classes").names
    right = 0
    print(f"| class | name | then | kind of it |\n|---|---|---|---|   ({per_class} images per class)")
    for cluster, kind in sorted(truth.items(), key=lambda pair: pair[1]):
        name = done["names"].get(cluster, "")
        right += is_kind(name, kind)
        words = ", ".join(word for word, _ in parts[str(cluster)]["words"][1:4])
        print(f"| {kind} | {name} | {words} | {'yes' if is_kind(name, kind) else 'no'} |")
    print(f"{right} of {len(truth)} names are the class or a kind of it; {done['seconds']:.1f} s")
    return right >= 0.6 * len(truth)


def name_many(n: int, parallel: int, seconds: float, folder: Path) -> bool:
    """Names of many clusters through a server that takes its time and fails now and then."""
    import fiftyone as fo
    import fiftyone.operators as foo
    import numpy as np
    from PIL import Image

    rng = np.random.default_rng(0)
    dataset, samples = fo.Dataset(), []
    for i in range(n):
        path = folder / f"{i}.png"
        Image.fromarray(rng.integers(0, 256, (96, 96, 3), dtype=np.uint8)).save(path)
        center = 20 * rng.normal(size=16)
        samples += [fo.Sample(filepath=str(path), emb=center + 0.1 * rng.normal(size=16)) for _ in range(4)]
    dataset.add_samples(samples, progress=False)
    compute = foo.get_operator("@constellation/clusters/compute_clusters")
    compute(dataset, run_key="km", embeddings="emb", params={"n_clusters": n, "n_init": 1}, visualize=False)
    draws = np.random.default_rng(7).random(100 * n)
    bad = [status(500), say("", refusal="no"), say("What a picture!")]

    def behave(asked):
        if draws[asked.number] < 0.05:
            return bad[asked.number % 3]
        if draws[asked.number] > 0.98:
            return status(429, headers=[("Retry-After", "1")])
        return slow(seconds, say(json.dumps({**GOOD, "name": f"name {asked.number}"})))

    label = foo.get_operator("@constellation/clusters/label_clusters")
    with NamingServer(behave) as server:
        named = 0
        for call in ("first", "repeat"):
            started = time.monotonic()
            done = label(dataset, run_key="km", base_url=server.url, model="mock", max_concurrency=parallel)
            named += done["named"]
            print(f"{call}: {done['text']}; {done['calls']} calls, {time.monotonic() - started:.1f} s")
            if not done["failures"]:
                break
    print(f"{named} of {n} named, {parallel} at a time, {seconds:g} s per answer, {server.most_busy} at once at most")
    return named == n


def main():
    """Parses the arguments and runs what they ask for."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, help="a folder with one folder of images per class")
    parser.add_argument("--per-class", type=int, default=100)
    parser.add_argument("--clusters", type=int, default=100)
    parser.add_argument("--parallel", type=int, default=8)
    parser.add_argument("--seconds", type=float, default=1.0, help="what an answer takes")
    arguments = parser.parse_args()
    mongod = Mongod()
    try:
        with tempfile.TemporaryDirectory() as scratch:
            os.environ.update(fiftyone_environment(mongod.uri, Path(scratch), ROOT))
            if arguments.data:
                fine = name_classes(arguments.data, arguments.per_class)
            else:
                fine = name_many(arguments.clusters, arguments.parallel, arguments.seconds, Path(scratch))
    finally:
        mongod.stop()
    sys.exit(0 if fine else 1)


if __name__ == "__main__":
    main()

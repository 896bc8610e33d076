"""Where the 45 pairs of classes of CIFAR-10 lie among pairs of Gaussian classes; writes what the package keeps.

python benchmarks/gaussian_places.py FOLDER    # of the images; minutes on one core, 3 GB
"""

import itertools
import json
import sys
from importlib.resources import files

import numpy as np

from fairtoll.data import load_cifar10
from fairtoll.experiments.closed_form.places import measures

EPSILON, RIDGE = 0.01, 0.1
HOW = (
    "each pair of classes along Fisher's linear rule on the pixels of the training images, ridge 0.1; spreads and "
    "means of the test images; L-infinity, epsilon 0.01; {copy}; made by benchmarks/gaussian_places.py"
)


def main(folder: str) -> None:
    data = load_cifar10(folder)
    train, test = (split.x.reshape(len(split.x), -1) for split in (data.train, data.test))
    names, means, covariances = data.train.class_names, [], []
    for label in range(len(names)):
        rows = train[data.train.y == label].astype(np.float64)
        means.append(rows.mean(axis=0))
        covariances.append(np.cov(rows, rowvar=False, bias=True))
    places = []
    for first, second in itertools.combinations(range(len(names)), 2):
        # As `fisher_rule`, whose covariances are computed once for each class here.
        covariance = (covariances[first] + covariances[second]) / 2 + RIDGE * np.eye(train.shape[1])
        weights = np.linalg.solve(covariance, (means[second] - means[first]) / 2)
        kept = np.isin(data.test.y, (first, second))
        scores, of_second = test[kept] @ weights, data.test.y[kept] == second
        ratio, half, smaller = measures(scores, of_second)
        wide = first if scores[~of_second].std() > scores[of_second].std() else second
        places.append(
            {
                "pair": [names[first], names[second]],
                "wide": names[wide],
                "ratio": round(ratio, 3),
                "distance": round(half / smaller, 3),
                "radius": round(EPSILON * float(np.abs(weights).sum()) / half, 3),
            }
        )
    copy = "the official images" if data.unofficial is None else "a JPEG copy of CIFAR-10"
    lines = ",\n".join(f"  {json.dumps(place)}" for place in places)
    text = f'{{\n "how": {json.dumps(HOW.format(copy=copy))},\n "places": [\n{lines}\n ]\n}}\n'
    path = files("fairtoll.experiments.closed_form") / "cifar10_places.json"
    path.write_text(text, encoding="utf-8")
    print(f"{len(places)} places in {path}")


if __name__ == "__main__":
    main(sys.argv[1])

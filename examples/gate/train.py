"""Train two models of incomes, the current one and a candidate, and write them with the rows to audit them on."""

import sys

import skops.io
from sklearn.compose import make_column_transformer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

from fairtoll.data import load_adult
from fairtoll.models import decode

NUMBERS = ["age", "education-num", "capital-gain", "capital-loss", "hours-per-week"]
CATEGORIES = ["workclass", "occupation", "marital-status"]
ROWS = 4000


def main(strength: float) -> None:
    """Write train.csv, test.csv, current.skops and candidate.skops, whose weights are as free as `strength` says."""
    adult = load_adult()
    for name, rows in (("train", adult.train), ("test", adult.test)):
        frame = decode(rows.x[:ROWS], rows.features)[[*NUMBERS, *CATEGORIES]]
        frame["sex"] = rows.groups["sex"][:ROWS]
        frame["income"] = [rows.class_names[code] for code in rows.y[:ROWS]]
        frame.to_csv(f"{name}.csv", index=False)
        if name == "train":
            for model, free in (("current", 1.0), ("candidate", strength)):
                encode = make_column_transformer(
                    (StandardScaler(), NUMBERS), (OneHotEncoder(handle_unknown="ignore"), CATEGORIES)
                )
                fitted = make_pipeline(encode, LogisticRegression(C=free, max_iter=1000))
                skops.io.dump(fitted.fit(frame[[*NUMBERS, *CATEGORIES]], frame["income"]), f"{model}.skops")


if __name__ == "__main__":
    main(float(sys.argv[1]) if len(sys.argv) > 1 else 0.5)

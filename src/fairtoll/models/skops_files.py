"""A scikit-learn object in a skops file: types that are known to hold data alone, and nothing that was pickled."""

from __future__ import annotations

import json
import warnings
import zipfile
from pathlib import Path
from typing import Any

from fairtoll.errors import FairtollError, warn
from fairtoll.models.first_read import require_readable
from fairtoll.models.sound_parts import require_sound_parts
from fairtoll.models.tables import first_line
from fairtoll.storage.zip_files import require_plain_archive

#: Beside what skops itself trusts, which leaves out trees and most networks: types of scikit-learn and of two libraries
#: of trees that hold numbers and settings. Loading one calls nothing but its own constructor, and a Booster reads its
#: text or bytes as it would from its own file; a partial holds a function that must be trusted by its own name, and
#: the metrics of a search are called by nothing here. What indexes memory, such as trees, is checked before it is used.
KNOWN = (
    "collections.OrderedDict",
    "collections.defaultdict",
    "functools.partial",
    "lightgbm.basic.Booster",
    "lightgbm.sklearn.LGBMClassifier",
    "numpy.dtype",
    "sklearn.calibration._CalibratedClassifier",
    "sklearn.calibration._SigmoidCalibration",
    "sklearn.compose._column_transformer._RemainderColsList",
    "sklearn.compose._column_transformer.make_column_selector",
    "sklearn.ensemble._hist_gradient_boosting.predictor.TreePredictor",
    "sklearn.feature_selection._mutual_info.mutual_info_classif",
    "sklearn.feature_selection._univariate_selection.chi2",
    "sklearn.feature_selection._univariate_selection.f_classif",
    "sklearn.gaussian_process._gpc._BinaryGaussianProcessClassifierLaplace",
    "sklearn.gaussian_process.kernels.ConstantKernel",
    "sklearn.gaussian_process.kernels.Product",
    "sklearn.gaussian_process.kernels.RBF",
    "sklearn.gaussian_process.kernels.Sum",
    "sklearn.gaussian_process.kernels.WhiteKernel",
    "sklearn.metrics._classification.accuracy_score",
    "sklearn.metrics._classification.balanced_accuracy_score",
    "sklearn.metrics._classification.f1_score",
    "sklearn.metrics._classification.log_loss",
    "sklearn.metrics._classification.precision_score",
    "sklearn.metrics._classification.recall_score",
    "sklearn.metrics._ranking.average_precision_score",
    "sklearn.metrics._ranking.roc_auc_score",
    "sklearn.metrics._scorer._CurveScorer",
    "sklearn.metrics._scorer._PassthroughScorer",
    "sklearn.metrics._scorer._Scorer",
    "sklearn.model_selection._split.GroupKFold",
    "sklearn.model_selection._split.KFold",
    "sklearn.model_selection._split.RepeatedKFold",
    "sklearn.model_selection._split.RepeatedStratifiedKFold",
    "sklearn.model_selection._split.ShuffleSplit",
    "sklearn.model_selection._split.StratifiedGroupKFold",
    "sklearn.model_selection._split.StratifiedKFold",
    "sklearn.model_selection._split.StratifiedShuffleSplit",
    "sklearn.model_selection._split.TimeSeriesSplit",
    "sklearn.multiclass._ConstantPredictor",
    "sklearn.neural_network._stochastic_optimizers.AdamOptimizer",
    "sklearn.neural_network._stochastic_optimizers.SGDOptimizer",
    "sklearn.tree._tree.Tree",
    "sklearn.utils._bunch.Bunch",
    "sklearn.utils._metadata_requests.MetadataRequest",
    "sklearn.utils._metadata_requests.MethodMetadataRequest",
    "sklearn.utils.validation.check_array",
    "xgboost.core.Booster",
    "xgboost.sklearn.XGBClassifier",
)
#: The most words in the pool of a numpy.random.SeedSequence, which has 4; mixing takes the square of it.
POOL = 1000
#: Files that joblib and pickle write.
PICKLES = (".pkl", ".pickle", ".joblib")


def read_skops(path: Path) -> Any:
    """The object in a skops file.

    Raises
    ------
    FairtollError
        If skops is not installed, or the file is damaged, or it holds types that are not known to hold data alone.

    Warns
    -----
    FairtollWarning
        If it was written by another version of scikit-learn.
    """
    try:
        import skops.io
    except ModuleNotFoundError as error:
        raise FairtollError(
            f"{path} needs skops, which is not installed; expected scikit-learn and skops; "
            "install it with fairtoll's extra: pip install -e '.[tables]' in its folder"
        ) from error
    require_plain_archive(path)
    _require_small_pools(path)
    try:
        types = set(skops.io.get_untrusted_types(file=path))
        unknown = sorted(types - set(KNOWN))
        if unknown:
            raise FairtollError(
                f"{path} holds {', '.join(unknown)}, which may run code when loaded; expected scikit-learn's own "
                "types; if you trust whoever wrote it, load it in Python with skops.io.load(path, trusted=[...]) and "
                "give the model to fairtoll.audit"
            )
        boosters = any(one.startswith(("lightgbm.", "xgboost.")) for one in types)
        if boosters:
            require_readable(path, "skops", what="a skops file", trusted=KNOWN)
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            found = skops.io.load(path, trusted=list(KNOWN))
    except FairtollError:
        raise
    # Damaged archives raise half a dozen kinds of error, BadZipFile, KeyError and JSONDecodeError among them.
    except Exception as error:
        raise FairtollError(
            f"{path} cannot be read as a skops file ({first_line(error)}); expected one written by skops.io.dump with "
            "the same libraries; write it again"
        ) from error
    if any(type(one.message).__name__ == "InconsistentVersionWarning" for one in caught):
        warn(f"{path} was written by another version of scikit-learn, whose answers may differ; write it again")
    require_sound_parts(found, path=path)
    return found


def _require_small_pools(path: Path) -> None:
    """Raise for a source of random numbers whose pool is so large that numpy mixes it for days, deaf to signals."""
    try:
        with zipfile.ZipFile(path) as archive:
            waiting: list[Any] = [json.loads(archive.read("schema.json"))]
    except (OSError, ValueError, KeyError, zipfile.BadZipFile):  # skops says what is wrong with it
        return
    while waiting:
        one = waiting.pop()
        if isinstance(one, dict):
            said = one.get("pool_size")
            size = str(said.get("content", "")) if isinstance(said, dict) else ""
            if len(size) > len(str(POOL)) or (size.isdecimal() and int(size) > POOL):
                raise FairtollError(
                    f"{path} holds a source of random numbers with a pool of {size[:20]}; expected 4, as numpy makes "
                    "it; write the file again from the fitted model"
                )
        waiting += one.values() if isinstance(one, dict) else one if isinstance(one, list) else []


def pickle_refused(path: Path) -> FairtollError:
    """What to say of a pickle: loading one runs whatever code it holds.

    Examples
    --------
    >>> print(pickle_refused(Path("model.pkl")))
    model.pkl is a pickle, which runs code when loaded and is never read; expected a skops file; where it was made, load
    it and write skops.io.dump(model, 'model.skops')
    """
    return FairtollError(
        f"{path} is a pickle, which runs code when loaded and is never read; expected a skops file; where it was made, "
        f"load it and write skops.io.dump(model, '{path.stem}.skops')"
    )

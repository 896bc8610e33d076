"""Faces to what people use already.

`scores`: functions for fairlearn's `MetricFrame` and scikit-learn's `make_scorer`. `monitoring`: robust accuracy by
class and group while a model trains. `fairtoll.interop.torchmetrics` and `fairtoll.interop.lightning` need those
libraries, so that they load on their own.
"""

from fairtoll.interop.monitoring import robust_accuracies as robust_accuracies
from fairtoll.interop.scores import accuracy_difference as accuracy_difference
from fairtoll.interop.scores import attack_success_difference as attack_success_difference
from fairtoll.interop.scores import confidence_difference as confidence_difference
from fairtoll.interop.scores import worst_accuracy as worst_accuracy

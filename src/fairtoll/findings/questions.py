"""What can be evaluated from the evidence: one gap, in one comparison of arms."""

from __future__ import annotations

from dataclasses import dataclass

from fairtoll.findings.results import Denominator, Evaluation, Protocol


@dataclass(frozen=True)
class Comparison:
    """Two arms compared with each other, with the controls that took as much training.

    Attributes
    ----------
    protocol : {"paper", "sound", "defences", "audit"}
        Under which rules the arms were made and attacked.
    standard, robust : str
        Names of the arms.
    control : str, optional
        The arm that separates the adversary's part from the rest of the recipe.
    noise_control : str, optional
        A second control, with random noise instead of the adversary.

    Examples
    --------
    >>> Comparison("audit", "standard", "robust").control is None
    True
    """

    protocol: Protocol
    standard: str
    robust: str
    control: str | None = None
    noise_control: str | None = None

    @property
    def name(self) -> str:
        """In the ids of its findings: of several with the same robust arm, with what it is compared.

        Examples
        --------
        >>> Comparison("defences", "standard", "frl").name, Comparison("defences", "averaging", "frl").name
        ('frl', 'frl-from-averaging')
        """
        repaired = self.protocol == "defences" and self.standard != "standard"
        return f"{self.robust}-from-{self.standard}" if repaired else self.robust


@dataclass(frozen=True)
class Attack:
    """Which attack's evidence a question reads.

    Attributes
    ----------
    evaluation : {"static-transfer", "white-box"}
        Whether the examples were crafted on the standard arm or on the model itself.
    name : str
        The attack's name in the evidence.
    epsilon : float
        Its radius.
    threat : str
        Name of the threat.

    Examples
    --------
    >>> Attack("white-box", "union", 10.0).threat
    'paper'
    """

    evaluation: Evaluation
    name: str
    epsilon: float
    threat: str = "paper"


@dataclass(frozen=True)
class Certificate:
    """Which claimed radii a question reads.

    Attributes
    ----------
    method : str
        Who claims them.
    norm : {"linf", "l2", "l1", "l0"}
        What they are measured in.
    threat : str
        Name of the threat whose attacks may contradict them.

    Examples
    --------
    >>> Certificate("smoothing", "l2", "audit").text
    'smoothing, L2'
    """

    method: str
    norm: str
    threat: str

    @property
    def text(self) -> str:
        """As in prose."""
        return f"{self.method}, {self.norm.capitalize()}"


@dataclass(frozen=True)
class Question:
    """One gap.

    Attributes
    ----------
    metric : str
        Which definition: a name in `fairtoll.metrics.METRICS`.
    partition : str
        "class", a protected attribute, or an intersection such as "sex & race".
    attack : Attack, optional
        What the rows went through; None for clean rows.
    denominator : {"all", "correct"}, optional
        For success rates and least epsilon: over all rows, or over those classified correctly before the attack.
    label : str, optional
        True class that the rows are restricted to.
    target : str, optional
        For "eou" and "equalized_odds_rate": the class whose confidence or prediction is averaged.
    rate : float, optional
        For "cru_s_matched": the mean success rate, a fraction.
    certificate : Certificate, optional
        For "rdi": whose claims.

    Examples
    --------
    >>> Question("cru_s", "class", Attack("white-box", "pgd-20", 10.0), denominator="all").key
    'cru_s/class/white-box/paper/pgd-20/10/all'
    >>> Question("cru_s_matched", "class", Attack("white-box", "least-epsilon", 0.05), rate=0.5).key
    'cru_s_matched/class/white-box/paper/least-epsilon/0.05/rate-0.5'
    >>> Question("eou", "sex", label="low", target="high").key
    'eou/sex/clean/label-low/target-high'
    >>> Question("rdi", "class", certificate=Certificate("smoothing", "l2", "audit")).key
    'rdi/class/certified/audit/l2/smoothing'
    """

    metric: str
    partition: str
    attack: Attack | None = None
    denominator: Denominator | None = None
    label: str | None = None
    target: str | None = None
    rate: float | None = None
    certificate: Certificate | None = None

    @property
    def measured_under(self) -> Attack | Certificate | None:
        """What its numbers are read from beside clean rows."""
        return self.attack if self.certificate is None else self.certificate

    @property
    def key(self) -> str:
        """A readable name: the same for the same question, another for any other."""
        parts = [self.metric, _part(self.partition)]
        if self.attack is not None:
            attack = self.attack
            parts += [attack.evaluation, _part(attack.threat), _part(attack.name), _digits(attack.epsilon)]
        elif self.certificate is not None:
            claim = self.certificate
            parts += ["certified", _part(claim.threat), claim.norm, _part(claim.method)]
        else:
            parts += ["clean"]
        parts += [] if self.denominator is None else [self.denominator]
        parts += [] if self.label is None else [f"label-{_part(self.label)}"]
        parts += [] if self.target is None else [f"target-{_part(self.target)}"]
        parts += [] if self.rate is None else [f"rate-{_digits(self.rate)}"]
        return "/".join(parts)


def _part(name: str) -> str:
    """A user's name within a key, whose parts are joined by slashes."""
    return name.replace("%", "%25").replace("/", "%2F")


def _digits(value: float) -> str:
    """The shortest text that identifies this number."""
    short = f"{value:g}"
    return short if float(short) == value else repr(float(value))

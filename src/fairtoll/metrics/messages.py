"""Error messages: what was given, what was expected, what to do. Tests import these."""

NOT_NUMBERS = "{name} has type {given}; expected numbers; convert it first"
NOT_FINITE = (
    "{name} has {count} NaN or infinite entries, the first in row {row}; expected finite numbers; "
    "remove those rows or correct them"
)
LEAST_EPSILON_NOT_FINITE = (
    "least_epsilon has {count} NaN or infinite entries, the first in row {row}; expected finite numbers; "
    "give a row that no attack broke the largest radius tried, and mark it in `censored`"
)
NEGATIVE = "{name} is {given} in row {row}; expected 0 or more; correct it"
NOT_ZERO_ONE = "{name} is {given} in row {row}; expected True or False (1 or 0); give one outcome per row"
PROBABILITY_RANGE = (
    "{name} is {given} in row {row}; expected probabilities between 0 and 1; pass logits through a softmax"
)
PROBABILITY_SUM = "{name} sums to {given} in row {row}; expected 1 over the classes; pass logits through a softmax"
UNKNOWN_LABEL = "label is {given}, and no row of y_true has it; expected one of {expected}; name one of these"
UNKNOWN_TARGET = "target is {given}; expected one of the predicted or true labels {expected}; name one of these"
UNKNOWN_TARGET_COLUMN = (
    "target is {given}; expected a column of probabilities, an integer from 0 to {last}; give the place of the class"
)
UNKNOWN_CLASS_COLUMN = (
    "y_true holds {given}; expected a column of probabilities, an integer from 0 to {last}; give the place of the class"
)
UNKNOWN_DENOMINATOR = "denominator is {given}; expected 'all' or 'correct'; name one of these"
CORRECT_NEEDED = (
    "denominator is 'correct' and `correct` is not given; expected which rows the model classifies correctly "
    "unattacked; pass correct=(y_true == y_pred)"
)
CENSORED_AT_ZERO = (
    "row {row} is censored and its least_epsilon is 0; expected the largest radius tried, which no attack "
    "could use; correct one of the two"
)
MINIMUM_ROWS = "minimum_rows is {given}; expected an integer of at least 1; 1 shows every group"
SHAPES_DIFFER = (
    "left_out has members of shape {given}; expected {expected}, the shape of full; "
    "predict the same rows and classes with every model"
)
NO_COLUMNS = "no column was given; expected at least one; pass the columns to intersect one by one"
BY_GROUP_SHAPES = "ByGroup got {given} entries in {name}; expected {expected}, one per group; give them all"

"""Error messages: what was given, what was expected, what to do. Tests import these."""

NOT_FINITE = "{name} holds a NaN or infinite value; expected finite numbers; correct it"
NOT_NUMBERS = "{name} has type {given}; expected numbers; convert it first"
SHAPE = "{name} has shape {given}; expected {expected}; give one number for each feature"
SHAPE_OF_ROWS = "{name} has shape {given}; expected {expected}; give one for each row"
NOT_A = "{name} is of type {given}; expected a {expected}; give one from fairtoll.theory"
GROUPS = "groups is {given}; expected a tuple of Group; give (Group(...), Group(...))"
GENERATOR = "generator is {given}; expected a numpy Generator; give numpy.random.default_rng(seed)"
COVARIANCE_PAIR = "covariances is {given}; expected a pair; give that of class -1, then that of class +1"
COVARIANCE_SHAPE = (
    "the covariance of class {label} has shape {given}; expected a number, ({features},) or ({features}, {features}); "
    "give a variance, one for each feature, or the matrix"
)
NOT_SYMMETRIC = (
    "the covariance of class {label} is not symmetric; expected the same above and below the diagonal; correct it"
)
SINGULAR = (
    "the covariance of class {label} is singular or not positive; expected every combination of features to vary; "
    "drop features that others determine, or add a small variance"
)
PRIOR = "prior is {given}; expected a share above 0 and below 1; give the share of class +1"
SCALE = "scale is {given} at feature {feature}; expected 0 or more; 0 fixes a feature"
SHARE = "the share of group {name} is {given}; expected a number from 0 to 1, or one for each class; correct it"
SHARES = "the shares of the groups in class {label} sum to {given}; expected 1; give every group"
GROUPS_DOUBLED = "group {name} is given more than once; expected each name once; rename one"
EPSILON = "{name} is {given}; expected a finite number of 0 or more; give a radius in units of the scale"
LABEL = "label is {given}; expected -1, +1 or None; None is for both classes"
TARGET = "target is {given}; expected -1 or +1; give the class whose confidence is averaged"
UNKNOWN_GROUP = "group is {given}; expected one of {expected} or None; name a group of the model"
NO_ROW = "no row has label {label} and group {group}; expected a share above 0; ask for another cell"
PARTITION = "partition is {given}; expected 'class', 'group' or 'class and group'; name one of these"
NO_GROUPS = (
    "the model has fewer than two groups with rows; expected at least two for {what}; give them as "
    "Gaussians(groups=...)"
)
DENOMINATOR = "denominator is {given}; expected 'all' or 'correct'; name one of these"
LINK = "link is {given}; expected 'probit' or 'logistic'; name one of these"
KAPPA = "kappa is {given}; expected a finite number above 0; give the factor between score and logit"
NEVER_CORRECT = "the rule is never correct there; expected some correct rows for the denominator; count all rows"
NEVER_BROKEN = (
    "the rule has no weight on a feature that may move, so that its correct rows are never broken; expected a largest "
    "radius at which they are censored; give epsilon_max"
)
FEATURES_DIFFER = "the rule has {given} weights; expected {expected}, one for each feature; give a rule of this model"
LABELS = "y holds {given}; expected -1 and +1 alone; recode the classes"
ROWS = "rows is {given}; expected a whole number of 1 or more; give the size of the sample"
NO_RULE = (
    "at epsilon {epsilon:g} the adversary can make the two classes' means equal in every feature; expected a radius "
    "below {limit:g}; choose a smaller one"
)
SAME_MEANS = (
    "the two classes have the same mean in every feature; expected means that differ; give other ones: rules that tell "
    "classes apart by their spreads alone are not searched"
)
NO_WEIGHTS = (
    "at epsilon {epsilon:g} the adversary can make the two classes' means equal, and the least loss has no weights; "
    "expected means that differ, and a radius below {limit:g}; choose a smaller one"
)
SAME_MEANS_NO_WEIGHTS = (
    "the two classes have the same mean in every feature, so that the least loss has no weights; expected means that "
    "differ; give other ones"
)
NO_LOSS = (
    "the classes lie so far apart that the loss rounds to 0; expected classes that overlap; give means that are nearer "
    "or spreads that are larger"
)
LOSS_NOT_CONVERGED = (
    "the search for the least loss stopped at a slope of {given:.2g}; expected below {expected:.0g}; give classes that "
    "overlap more, or features that depend on each other less"
)
CONSTANT = (
    "no linear rule errs less than always predicting class {label} at epsilon {epsilon:g}; expected classes that can "
    "be told apart; choose a smaller radius or a prior nearer to 0.5"
)
NOT_CONVERGED = (
    "the search for the best rule stopped at a gradient of {given:.2g}; expected below {expected:.0g}; give "
    "covariances and shifts that differ by fewer orders of magnitude"
)
DEGENERATE = (
    "at epsilon {epsilon:g} the best linear rule tells the classes apart by their spreads alone, the adversary can "
    "swap their mean scores; expected a radius that leaves a rule whose mean margins stay above 0; choose a smaller "
    "one, or by_means=True for the best such rule"
)
RIDGE = "ridge is {given}; expected a finite number of 0 or more; give the factor of the squared weights"
SIGMA = "sigma is {given}; expected a finite number of 0 or more; give the noise's standard deviation"
SCORE_LINK = "link is {given}; expected 'score', 'probit' or 'logistic'; name one of these"
UNDETERMINED = (
    "{rows} rows do not determine {features} weights; expected as many independent rows; give more rows, drop columns "
    "that others determine, or penalise the weights more"
)
DECIDES_ALONE = (
    "the rows without {what} do not determine the weights; expected rows enough without any one; give more rows, drop "
    "columns that vary there alone, or penalise the weights more"
)
BLOCKS = "blocks hold names that cannot be sorted; expected names of one kind; give numbers or text"
CLASS_WEIGHTS = "class weights are {given}; expected two numbers above 0; give that of class -1, then that of class +1"
CLASS_WEIGHTS_APART = (
    "class weights are {given}, which leave one class no share but for rounding; expected weights that leave both "
    "some; give ones that differ by fewer orders of magnitude"
)
NO_CLOSED_REPAIR = (
    "the model has covariances that are not proportional, or groups that differ; expected two classes of one shape; "
    "for others compare the best rules of reweighted models"
)
NO_REPAIR = (
    "at epsilon {epsilon:g} no class weights make the standard rule's threshold the best of those near it; expected a "
    "radius at which weighted densities cross there; choose a smaller one"
)
RATE = (
    "rate is {given}, of a rule that misclassifies {error:.3g} unattacked; expected a share above that and below 1, "
    "and a rule that uses a feature that may move; choose another"
)

"""The differences between both ways that are known, each with its reason, and which values are others each time."""

from trials import Difference

SPEED = (r"runtime$", r"_per_sec(ond)?$", r"^(rows|summary)\.profiling/", r"(step_time|/fps|/SPS)$")
KERAS_FILES = (r"^logged\..*\.entries\..*\.keras$",)
"""Archives that say when they were written."""

TORCH_FILES = (r"^logged\..*\.entries\..*\.(ckpt|pt)$",)
"""Checkpoints that say when and where they were written."""

CATBOOST_FILES = (r"^logged\..*\.entries\.model$",)
"""Boosters that say when they were trained."""

TRAINER_STATE = (r"^logged\..*\.entries\.trainer_state\.json$",)
"""The rows of a Trainer, with what each took."""

OF_A_TRIAL = (r"^config\.(date|pid|trial_id|trial_log_path)$", r"^name$", r"\.time_", r"\.timestamp$")

MEDIA_IN_TABLES = Difference(
    r"^(rows|summary)\.(Table|Prediction_Samples|left)",
    "pictures in tables are kept under `exec`; the client puts them into an artifact",
)
COPIED = Difference(
    r"^logged\..*entries\.eval_data\.table\.json",
    "pictures of another artifact are copied under `exec`, and referred to by the client",
)
SOUND = Difference(r"\.audio-file\.json", "sounds in artifacts say their length and rate under `exec`")
SOURCE = Difference(
    r"^logged\.source-",
    "a script outside of the working folder gives its name to the artifact of `log_code` under `exec` only",
)
EVENT_FILES = Difference(
    r"^files\..*events\.out\.tfevents",
    "event files are kept by their names under `exec`, with their folders by the client",
)
TEXTS = Difference(r"/text_summary", "texts of a `SummaryWriter` are kept under `exec`, and left out by the client")
SPREAD = Difference(
    r"\.weights\.(bins|values)", "histograms are as TensorBoard has them under `exec`, in other bins with the client"
)
CODE = Difference(r"^files\.code/", "a script that lies outside of the working folder is kept under `exec` only")
TYPES = Difference(
    r"^config\.\w+: ('(True|False|None)' and \2$|only with the client: '<)",
    "settings of the model are values under `exec`, texts with the client",
)
EMPTY = Difference(r"^config\..*: only with exec: \{\}$", "empty dicts in the config are dropped by the client")
STEP_BEFORE = Difference(
    r"^rows\.train/global_step",
    "rows before the first value of a step metric have 0 for it with the client, none under `exec`",
)
BLACK = Difference(
    r"^(rows|summary)\.(samples|images|masks\.(pred|true))",
    "tensors of values between 0 and 1 become black pictures with the client",
)
NO_GRAPH = Difference(r"graph_0", "no graph of a watched network under `exec`")
OWN_BINS = Difference(
    r"\.(gradients|parameters)/.*(bins|values)", "watched gradients have bins of their own under `exec`"
)
DOUBLES = Difference(
    r"\.(Gradients|Weights)/\w+\.bins", "edges of histograms of 32-bit values are doubles under `exec`"
)
SORTED = Difference(r"Feature Importance", "importances are in order of size under `exec`")
PLOTS = Difference(
    r"^(rows|summary)\.(class_prop|confusion|feature_imp|learning|outlier|precision_recall|residuals|roc|summary_metrics)",
    "tables behind plots are neither rounded nor thinned out under `exec`; order and columns for drawing may differ",
)
CLUSTERS = Difference(
    r"^(rows|summary)\.(elbow_curve|silhouette|_step)",
    "plots of clusters are under `exec` only: the client refuses `KMeans`",
)

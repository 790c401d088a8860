"""`GraphKeys`: TF1's names of collections."""

from __future__ import annotations

__all__ = ["GraphKeys"]


class GraphKeys:
    """TF1's names of collections. Any other str may name a collection, too.

    The store fills `GLOBAL_VARIABLES`, `LOCAL_VARIABLES`, `TRAINABLE_VARIABLES` and `REGULARIZATION_LOSSES` itself. The
    others contain what is added to them, by `get_variable(..., collections=[...])` or `add_to_collection`.

    Example:
    >>> v = kscope.get_variable("v", [], collections=[kscope.GraphKeys.GLOBAL_VARIABLES, kscope.GraphKeys.WEIGHTS])
    >>> kscope.get_collection("weights")[0] is v
    True
    """

    ACTIVATIONS = "activations"
    ASSET_FILEPATHS = "asset_filepaths"
    BIASES = "biases"
    CONCATENATED_VARIABLES = "concatenated_variables"
    COND_CONTEXT = "cond_context"
    EVAL_STEP = "eval_step"
    GLOBAL_STEP = "global_step"
    GLOBAL_VARIABLES = "variables"
    INIT_OP = "init_op"
    LOCAL_INIT_OP = "local_init_op"
    LOCAL_RESOURCES = "local_resources"
    LOCAL_VARIABLES = "local_variables"
    LOSSES = "losses"
    METRIC_VARIABLES = "metric_variables"
    MODEL_VARIABLES = "model_variables"
    MOVING_AVERAGE_VARIABLES = "moving_average_variables"
    QUEUE_RUNNERS = "queue_runners"
    READY_FOR_LOCAL_INIT_OP = "ready_for_local_init_op"
    READY_OP = "ready_op"
    REGULARIZATION_LOSSES = "regularization_losses"
    RESOURCES = "resources"
    SAVEABLE_OBJECTS = "saveable_objects"
    SAVERS = "savers"
    SUMMARIES = "summaries"
    SUMMARY_OP = "summary_op"
    TABLE_INITIALIZERS = "table_initializer"
    TRAINABLE_RESOURCE_VARIABLES = "trainable_resource_variables"
    TRAINABLE_VARIABLES = "trainable_variables"
    TRAIN_OP = "train_op"
    UPDATE_OPS = "update_ops"
    VARIABLES = "variables"
    WEIGHTS = "weights"
    WHILE_CONTEXT = "while_context"

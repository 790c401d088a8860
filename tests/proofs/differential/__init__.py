"""Random programs, run by kscope and by `tf.compat.v1` in a graph, and compared step by step."""

"""The six examples from TF1's documentation of `tf.variable_scope`, with `kscope` in place of `tf`.

Run it with `KERAS_BACKEND=jax python examples/quickstart.py`, or `tensorflow` or `torch`.
"""

import kscope


def create() -> None:
    """A variable's name starts with the names of the open scopes."""
    with kscope.variable_scope("foo"), kscope.variable_scope("bar"):
        v = kscope.get_variable("v", [1])
    print(f"1. created              {v.name}")


def share_automatically() -> None:
    """With AUTO_REUSE, the first call creates a variable, and later calls find it."""

    def tower():
        with kscope.variable_scope("auto", reuse=kscope.AUTO_REUSE):
            return kscope.get_variable("v", [1])

    print(f"2. AUTO_REUSE shares    {tower().name}: {tower() is tower()}")


def share_on_purpose() -> None:
    """With reuse=True, a variable that exists is found."""
    with kscope.variable_scope("purpose"):
        v = kscope.get_variable("v", [1])
    with kscope.variable_scope("purpose", reuse=True):
        v1 = kscope.get_variable("v", [1])
    print(f"3. reuse=True shares    {v.name}: {v1 is v}")


def share_by_capturing() -> None:
    """After `reuse_variables()`, a captured scope finds variables that exist."""
    with kscope.variable_scope("captured") as scope:
        v = kscope.get_variable("v", [1])
        scope.reuse_variables()
        v1 = kscope.get_variable("v", [1])
    print(f"4. reuse_variables()    {v.name}: {v1 is v}")


def share_by_accident() -> None:
    """Getting an existing name without reuse raises, because it may be an accident."""
    with kscope.variable_scope("accident"):
        kscope.get_variable("v", [1])
        try:
            kscope.get_variable("v", [1])
        except ValueError as error:
            print(f"5. no accidents         {error}")


def reuse_what_is_missing() -> None:
    """Getting a missing name with reuse=True raises, because it may be a typo."""
    with kscope.variable_scope("missing", reuse=True):
        try:
            kscope.get_variable("v", [1])
        except ValueError as error:
            print(f"6. no typos             {error}")


if __name__ == "__main__":
    create()
    share_automatically()
    share_on_purpose()
    share_by_capturing()
    share_by_accident()
    reuse_what_is_missing()

"""The six examples of TF1's page on `tf.variable_scope`, one after another, with `kscope` in place of `tf`.

Run it with `KERAS_BACKEND=jax python examples/quickstart.py`, or `tensorflow` or `torch`.
"""

import kscope


def create() -> None:
    """A variable's name is made of the scopes it stands in."""
    with kscope.variable_scope("foo"), kscope.variable_scope("bar"):
        v = kscope.get_variable("v", [1])
    print(f"1. created              {v.name}")


def share_automatically() -> None:
    """AUTO_REUSE creates a variable the first time, and finds it from then on."""

    def tower():
        with kscope.variable_scope("auto", reuse=kscope.AUTO_REUSE):
            return kscope.get_variable("v", [1])

    print(f"2. AUTO_REUSE shares    {tower().name}: {tower() is tower()}")


def share_on_purpose() -> None:
    """reuse=True finds a variable that is there."""
    with kscope.variable_scope("purpose"):
        v = kscope.get_variable("v", [1])
    with kscope.variable_scope("purpose", reuse=True):
        v1 = kscope.get_variable("v", [1])
    print(f"3. reuse=True shares    {v.name}: {v1 is v}")


def share_by_capturing() -> None:
    """A captured scope can be told to reuse from now on."""
    with kscope.variable_scope("captured") as scope:
        v = kscope.get_variable("v", [1])
        scope.reuse_variables()
        v1 = kscope.get_variable("v", [1])
    print(f"4. reuse_variables()    {v.name}: {v1 is v}")


def share_by_accident() -> None:
    """Asking for an existing name without reuse is an accident, and raises."""
    with kscope.variable_scope("accident"):
        kscope.get_variable("v", [1])
        try:
            kscope.get_variable("v", [1])
        except ValueError as error:
            print(f"5. no accidents         {error}")


def reuse_what_is_missing() -> None:
    """Asking for a missing name in a reusing scope raises, too."""
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

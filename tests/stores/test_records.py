"""The tree of a store's variables: listing a scope (row N7)."""

from __future__ import annotations

from hypothesis import given, strategies as st

from kscope._records.record import Tree

NAMES = st.lists(st.lists(st.sampled_from(["a", "ab", "b"]), min_size=1, max_size=4).map("/".join), unique=True)
PREFIXES = st.sampled_from(["", "a", "a/", "ab", "ab/a", "a/b/", "b/b/b/b", "/", "a//", "c", "c/"])


class Named:
    """As much of a record as the tree reads."""

    def __init__(self, name, number):
        self.name, self.number = name, number


@given(NAMES, st.randoms(), PREFIXES)
def test_listings_are_those_of_a_scan(names, random, prefix):
    """The tree lists what a scan of all names would, in the order in which they came, also after removals."""
    tree, records = Tree(), [Named(name, number) for number, name in enumerate(names)]
    for record in records:
        tree.add(record)
    assert tree.starting_with(prefix) == [record for record in records if record.name.startswith(prefix)]
    gone = random.sample(records, len(records) // 2)
    for record in gone:
        tree.remove(record)
    left = [record for record in records if record not in gone]
    assert tree.starting_with(prefix) == [record for record in left if record.name.startswith(prefix)]
    for record in left:
        tree.remove(record)
    assert (tree.scopes, tree.records) == ({}, {})

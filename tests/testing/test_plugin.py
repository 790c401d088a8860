"""The pytest plugin: marked tests in a process of each backend, and stores for tests."""

from __future__ import annotations

import json
import xml.etree.ElementTree as ET

import pytest

from kscope.testing import _backends, plugin

# Loaded here, so that runs in this process find the modules that tests change.
PLUGIN = ("-p", plugin.__name__)
MIXED = """
    import os
    import pytest

    @pytest.mark.kscope_backends
    @pytest.mark.parametrize("x", [1, 2])
    def test_marked(x):
        print("printed on", os.environ["KERAS_BACKEND"])
        assert x == 1

    @pytest.mark.kscope_backends
    def test_skipped():
        pytest.skip("for a reason")

    def test_plain():
        pass
"""


@pytest.fixture(autouse=True)
def no_other_plugins(monkeypatch):
    """Nothing but this plugin, also where an installed kscope would bring it along."""
    monkeypatch.setenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1")


@pytest.fixture
def run(pytester, backend):
    """Run a project's tests with the plugin, on the backend under test; returns what was printed, and how it ended."""

    def running(source, *arguments, backends=backend):
        pytester.makepyfile(test_it=source)
        chosen = [f"--kscope-backends={backends}"] if backends else []
        return pytester.runpytest_inprocess(*PLUGIN, *chosen, *arguments)

    return running


@pytest.mark.matrix("Testing: marked tests in each backend's process, by a pytest plugin")
def test_marked_tests_run_in_a_process_of_the_backend(run, backend):
    """Their reports stand among those of the other tests, with the backend's name, output and place of a failure."""
    result = run(MIXED, "-v", "-rs")
    result.assert_outcomes(passed=2, failed=1, skipped=1)
    result.stdout.fnmatch_lines(
        [
            f"kscope: tests marked kscope_backends run on {backend}",
            "*::test_plain PASSED*",
            f"*::test_marked?1??{backend}? PASSED*",
            f"*::test_marked?2??{backend}? FAILED*",
            f"*::test_skipped?{backend}? SKIPPED (for a reason)*[[]100%]",
            f"*_ test_marked?2??{backend}? _*",
            "test_it.py:8: AssertionError",
            f"printed on {backend}",
            "SKIPPED [[]1] test_it.py:12: for a reason",
        ]
    )
    assert result.ret == pytest.ExitCode.TESTS_FAILED


def test_without_the_option_all_tests_run_here(run):
    """A mark alone changes nothing."""
    result = run(MIXED, "-v", backends=None)
    result.assert_outcomes(passed=2, failed=1, skipped=1)
    result.stdout.no_fnmatch_line("*kscope: tests marked*")


def test_reports_for_other_tools(run, pytester, backend):
    """JUnit's file has the tests of all processes, and none of those processes writes over it."""
    run(MIXED, "--junitxml=tests.xml")
    cases = ET.parse(pytester.path / "tests.xml").iter("testcase")
    names = {"test_plain", f"test_marked[1][{backend}]", f"test_marked[2][{backend}]", f"test_skipped[{backend}]"}
    assert {case.get("name") for case in cases} == names


def test_a_process_that_crashes(run, backend):
    """What it says at last is an error of each test that it did not come to."""
    result = run(
        """
        import os, pytest
        pytestmark = pytest.mark.kscope_backends
        def test_first(): pass
        def test_crash(): os._exit(3)
        def test_last(): pass
        """
    )
    result.assert_outcomes(passed=1, errors=2)
    result.stdout.fnmatch_lines(
        [f"*ERROR at setup of test_crash?{backend}?*", f"The process of {backend} ended with exit code 3, and says*"]
    )


def test_a_process_that_is_killed(run):
    """A signal is named."""
    result = run(
        """
        import os, pytest, signal
        @pytest.mark.kscope_backends
        def test_killed(): os.kill(os.getpid(), signal.SIGKILL)
        """
    )
    result.stdout.fnmatch_lines(["*was ended by signal 9, and says nothing of this test."])


def test_the_first_failure_may_end_it_all(run):
    """`-x` stops at a failure in another process, too."""
    result = run(MIXED, "-x")
    result.assert_outcomes(passed=2, failed=1)
    result.stdout.fnmatch_lines(["*stopping after 1 failures*"])


def test_a_look_at_the_tests(run):
    """`--collect-only` lists each marked test once, and runs none."""
    result = run(MIXED, "--collect-only", "-q")
    result.stdout.fnmatch_lines(["test_it.py::test_marked?1?", "*4 tests collected*"])


def test_selected_tests(run):
    """`-k` and the like select here and there alike."""
    run(MIXED, "-k", "marked and 1").assert_outcomes(passed=1, deselected=3)


def test_nothing_that_is_marked(run):
    """Without marked tests no process is started."""
    run("def test_plain(): pass").assert_outcomes(passed=1)


@pytest.mark.parametrize("installed", [("tensorflow",), ()])
def test_all_that_are_installed(run, monkeypatch, installed):
    """`all` means those that are installed; the header names the others, and none at all is nothing to run."""
    monkeypatch.setattr(_backends, "find_spec", lambda name: _Spec if name in installed else None)
    result = run("def test_plain(): pass", backends="all")
    left_out = ", ".join(name for name in ("tensorflow", "jax", "torch") if name not in installed)
    result.stdout.fnmatch_lines([f"kscope: *run on {', '.join(installed) or 'nothing'} (not installed: {left_out})"])


class _Spec:
    origin = "somewhere"


@pytest.mark.parametrize(
    ("backends", "message"),
    [
        ("numpy", "*--kscope-backends=numpy: backends must be different names out of*"),
        ("tensorflow,jax,torch", "*Not installed: *Install with: pip install*"),
    ],
)
def test_backends_that_are_not_there(run, monkeypatch, backends, message):
    """A name that is none, or one that is not installed, is an error before anything runs."""
    monkeypatch.setattr(_backends, "find_spec", lambda name: None)
    result = run(MIXED, backends=backends)
    result.stderr.fnmatch_lines([f"ERROR: {message}"])
    assert result.ret == pytest.ExitCode.USAGE_ERROR


def test_options_that_need_one_process(run, pytester):
    """What cannot be had from other processes is refused."""
    pytester.makeconftest("def pytest_addoption(parser): parser.addoption('--numprocesses')")
    for option, named in (("--pdb", "--pdb"), ("--numprocesses=2", "-n")):
        result = run(MIXED, option)
        result.stderr.fnmatch_lines([f"ERROR: *runs tests in processes of its own: leave {named} out."])


def test_the_stores(run):
    """A test can have a fresh store that is open, and one with a seed, whose numbers are the same each time."""
    result = run(
        """
        import keras, kscope, pytest

        def test_fresh(kscope_store):
            assert kscope.get_variable("v", [2]) is kscope_store["v"]

        @pytest.mark.parametrize("_", range(2))
        def test_seeded(kscope_seeded_store, _, seen=set()):
            seen.add(keras.ops.convert_to_numpy(kscope.get_variable("v", [], initializer="normal")).item())
            assert len(kscope_seeded_store) == len(seen) == 1
        """,
        backends=None,
    )
    result.assert_outcomes(passed=3)


def test_what_a_process_of_a_backend_does(pytester):
    """It runs what it is told to, writes the reports down, and leaves files to the process that started it."""
    pytester.makepyfile(test_it=MIXED)
    pytester.path.joinpath("tests.json").write_text(json.dumps(["test_it.py::test_skipped"]))
    result = pytester.runpytest_inprocess(*PLUGIN, f"--kscope-worker={pytester.path}", "--junitxml=tests.xml", "--lf")
    result.assert_outcomes(skipped=1)
    lines = [json.loads(line) for line in pytester.path.joinpath("reports.jsonl").read_text().splitlines()]
    assert [(line["when"], line["outcome"]) for line in lines] == [
        ("setup", "passed"),
        ("call", "skipped"),
        ("teardown", "passed"),
    ]
    assert not pytester.path.joinpath("tests.xml").exists()
    assert not pytester.path.joinpath(".pytest_cache", "v", "cache", "lastfailed").exists()

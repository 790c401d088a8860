"""Write reports to files: as JSON for programs, and as JUnit XML, which CI services show."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from xml.etree import ElementTree as ET

from kscope.testing._parity.report import Report

__all__ = ["junit", "write_json", "write_junit"]


def write_json(path: str | Path, reports: Sequence[Report]) -> None:
    """Write `{"agree": ..., "reports": [...]}` with the `to_dict()` of each report."""
    said = {"agree": all(report.agree for report in reports), "reports": [report.to_dict() for report in reports]}
    Path(path).write_text(json.dumps(said, indent=2, allow_nan=False) + "\n", encoding="utf-8")


def write_junit(path: str | Path, reports: Sequence[Report]) -> None:
    """Write a JUnit file with a test suite for each report, and a test case for each row."""
    Path(path).write_text(junit(reports), encoding="utf-8")


def junit(reports: Sequence[Report]) -> str:
    """Return the text of the XML file."""
    suites = ET.Element("testsuites")
    for report in reports:
        _suite(suites, report)
    ET.indent(suites)
    return '<?xml version="1.0" encoding="utf-8"?>\n' + ET.tostring(suites, encoding="unicode") + "\n"


def _suite(suites: ET.Element, report: Report) -> None:
    counts = {
        "tests": len(report.rows) + len(report.failures) + len(report.missing),
        "failures": len(report.differing),
        "errors": len(report.failures),
        "skipped": len(report.missing),
    }
    told = {name: str(count) for name, count in counts.items()}
    suite = ET.SubElement(suites, "testsuite", {"name": report.title, "time": f"{report.seconds:.3f}", **told})
    for row in report.rows:
        case = _case(suite, report, f"{row.what}: {row.name}")
        if not row.agree:
            ET.SubElement(case, "failure", message=_clean(str(row)))
    for failure in report.failures:
        case = _case(suite, report, f"{failure.backend}: {failure.stage}")
        ET.SubElement(case, "error", message=f"{failure.backend} failed").text = _clean(failure.text)
    for name in report.missing:
        ET.SubElement(_case(suite, report, name), "skipped", message="not installed")


def _case(suite: ET.Element, report: Report, name: str) -> ET.Element:
    return ET.SubElement(suite, "testcase", classname=report.title, name=_clean(name))


def _clean(text: str) -> str:
    """Return `text` without the control characters that XML cannot express."""
    return "".join(c for c in text if c in "\t\n\r" or c >= " ")

"""``facies doctor``"""

from __future__ import annotations

from facies.cli.console import Json, say, show_json


def doctor(as_json: Json = False) -> None:
    """Say what this machine has, what works on it, and how fast it is."""
    from facies.study.doctor import examine_machine

    findings = examine_machine()
    if as_json:
        show_json(findings)
        return
    for name, value in findings.items():
        say(f"{name}: {value}")

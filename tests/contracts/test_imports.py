"""What is loaded when: facies starts quickly and carries no network library where none is needed."""

from __future__ import annotations

import json
import subprocess
import sys

import facies

HEAVY = ("torch", "timm", "matplotlib", "statsmodels", "ray", "sklearn", "onnxruntime", "cv2", "pandas")


def loaded_by(code: str) -> set[str]:
    """Return which heavy packages a fresh interpreter has loaded after this code."""
    program = f"import sys, json\n{code}\nprint(json.dumps([name for name in {HEAVY!r} if name in sys.modules]))"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    return set(json.loads(done.stdout.splitlines()[-1]))


def test_import_facies__loads_no_heavy_package():
    assert loaded_by("import facies") == set()


def test_help__loads_no_heavy_package():
    assert loaded_by("from facies.cli.app import run\nassert run(['--help']) == 0") == set()


def test_public_surface__is_what_is_listed_here():
    expected = (
        "FaciesError QualityGate ReportData __version__ assess_photographs assign_folds associate associate_traits check_study "
        "compare_sources cross_fit embed evaluate_predictions init_study load_detector load_encoder panel_means predict_photographs "
        "proxy_inference read_bundle read_photograph render_report replicate_study "
        "run_study simulate_cohort simulate_faces simulate_study write_bundle"
    )
    assert sorted(facies.__all__) == expected.split()


def test_public_surface__every_name_can_be_imported_and_is_documented():
    undocumented = [name for name in facies.__all__ if not getattr(facies, name).__doc__]
    assert undocumented == []


def test_layers__no_stage_package_is_missing_from_the_import_contract():
    import tomllib
    from pathlib import Path

    root = Path(facies.__file__).parent
    settings = tomllib.loads((root.parents[1] / "pyproject.toml").read_text())
    layers = " ".join(settings["tool"]["importlinter"]["contracts"][0]["layers"])
    packages = {path.stem for path in root.iterdir() if path.suffix == ".py" or (path / "__init__.py").exists()} - {"__init__", "__main__"}
    assert {name for name in packages if name not in layers} == set()

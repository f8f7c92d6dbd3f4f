"""Heavy libraries are loaded where they are used."""

import subprocess
import sys


def test_statistics_and_their_stages__load_no_heavy_library_when_imported():
    code = (
        "import sys, facies.stats.regression, facies.stats.agreement, facies.stats.resampling, facies.readers, facies.evaluation;"
        "import facies.association;"
        "print([name for name in ('statsmodels', 'scipy', 'sklearn', 'torch', 'matplotlib', 'cv2', 'pandera') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"

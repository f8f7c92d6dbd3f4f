"""Programs that tests of genes run."""

import shutil

import pytest
from genotype_files import call_plink2


@pytest.fixture(scope="session")
def plink2():
    if shutil.which("plink2") is None:
        pytest.skip("plink2 is not installed: apt-get install plink2")
    return call_plink2

import shutil

import pytest


@pytest.fixture(scope="session")
def kubectl():
    found = shutil.which("kubectl")
    if found is None:
        pytest.skip("kubectl is not installed (Debian: apt-get install kubernetes-client)")
    return found

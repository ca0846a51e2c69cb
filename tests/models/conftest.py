"""Fixtures of the tests of the numerics."""

import pytest


@pytest.fixture(scope="module")
def one_thread():
    """One thread for torch: small batches are slower with more, and sums come out in another order."""
    import torch

    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)

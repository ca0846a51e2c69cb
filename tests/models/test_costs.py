"""Costs: the cores and the device that estimates reckon with."""

import os

import pytest
from fiftyone.plugins.orgs.constellation.clusters.models import costs


def allow(monkeypatch, n: int):
    """Lets this process use ``n`` of 64 cores, on whatever machine the test runs."""
    monkeypatch.setattr(os, "sched_getaffinity", lambda pid: set(range(n)), raising=False)
    monkeypatch.setattr(os, "cpu_count", lambda: 64)


def test_cores_are_those_the_process_may_use(monkeypatch):
    allow(monkeypatch, 3)
    assert costs.cores() == 3
    monkeypatch.delattr(os, "sched_getaffinity")
    assert costs.cores() == 64
    monkeypatch.setattr(os, "cpu_count", lambda: None)
    assert costs.cores() == 1


def test_fewer_cores_are_slower_and_one_core_is_the_unit(monkeypatch):
    monkeypatch.setattr(costs.shutil, "which", lambda program: None)
    speedups = []
    for n in (1, 2, 16):
        allow(monkeypatch, n)
        device = costs.expected_device()
        assert device.name == "the CPU"
        speedups.append(device.speedup)
    assert speedups[0] == 1 and speedups == sorted(set(speedups))


def test_a_gpu_does_not_depend_on_the_cores(monkeypatch):
    monkeypatch.setattr(costs.shutil, "which", lambda program: "/bin/it" if program == "nvidia-smi" else None)
    allow(monkeypatch, 1)
    assert costs.expected_device() == ("a GPU", costs.GPU_SPEEDUP)


@pytest.mark.parametrize(("seconds", "text"), [(8.4, "8 s"), (120, "2 min"), (5400, "1.5 h")])
def test_durations(seconds, text):
    assert costs.duration(seconds) == text

from __future__ import annotations

import signal
import subprocess
import sys
import textwrap

import pytest

# what the parent does, and what it prints; each in a process of its own, because signals are a process's
PROGRAMS = {
    "exit statuses": (
        """
        told = {}
        for status in (0, 3):
            processes.fork(lambda: status, lambda code, status=status: told.update({status: code}))
        while len(processes):
            processes.wait()
        print(sorted(told.items()))
        """,
        "[(0, 0), (3, 3)]",
    ),
    "a child that raises or is killed": (
        """
        told = []
        processes.fork(lambda: 1 // 0, told.append)
        while len(processes):
            processes.wait()
        pid = processes.fork(lambda: signal.pause() or 0, told.append)
        processes.kill(pid, signal.SIGKILL)
        while len(processes):
            processes.wait()
        processes.kill(pid, signal.SIGKILL)
        print(told)
        """,
        "[1, -9]",
    ),
    "signals in order": (
        """
        for number in (signal.SIGHUP, signal.SIGTERM, signal.SIGINT):
            os.kill(os.getpid(), number)
        processes.wait()
        print([s.name for s in signals])
        """,
        "['SIGHUP', 'SIGTERM', 'SIGINT']",
    ),
    "timers in order": (
        """
        told = []
        for delay in (0.02, 0.0, 0.01):
            processes.later(delay, lambda delay=delay: told.append(delay))
        while len(told) < 3:
            processes.wait()
        print(told)
        """,
        "[0.0, 0.01, 0.02]",
    ),
    "a pipe that ends": (
        """
        reading, writing = os.pipe()
        told = []
        def readable():
            told.append(os.read(reading, 10))
            if not told[-1]:
                processes.unwatch(reading)
        processes.watch(reading, readable)
        processes.fork(lambda: os.write(writing, b"x") - 1, lambda code: told.append(code))
        os.close(writing)
        while not (b"" in told and 0 in told):
            processes.wait()
        print(sorted(0 if t == 0 else len(t) for t in told))
        """,
        "[0, 0, 1]",
    ),
    "a child has none of the parent's descriptors": (
        """
        reading, writing = os.pipe()
        processes.watch(reading, lambda: None)
        before = set(os.listdir("/proc/self/fd"))
        def life():
            left = set(os.listdir("/proc/self/fd"))
            return len(before) - len(left)
        told = []
        processes.fork(life, told.append)
        while len(processes):
            processes.wait()
        print(told)
        """,
        "[4]",
    ),
}

_FRAME = """
import os, signal
from mxart.server.processes import Processes
signals = []
with Processes(signals.append) as processes:
{body}
"""


@pytest.mark.parametrize("name", PROGRAMS)
def test_programs(name: str) -> None:
    body, printed = PROGRAMS[name]
    program = _FRAME.format(body=textwrap.indent(textwrap.dedent(body), "    "))
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=30, check=False)
    assert done.stdout.strip() == printed, done.stderr


def test_a_signal_between_fork_and_set_up_reaches_the_child_only() -> None:
    body = """
    told = []
    pid = processes.fork(lambda: signal.pause() or 0, told.append)
    processes.kill(pid, signal.SIGTERM)
    while len(processes):
        processes.wait()
    print(told, signals)
    """
    program = _FRAME.format(body=textwrap.indent(textwrap.dedent(body), "    "))
    for _ in range(5):
        done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=30, check=False)
        assert done.stdout.strip() == f"[{-signal.SIGTERM}] []", done.stderr

"""Where a worker runs and before whom: cores of its own and a priority, where the configuration asks for them."""

from __future__ import annotations

import os
from pathlib import Path

from heartwire.engine.plan import Plan


def place(plan: Plan, name: str) -> list[str]:
    """Place this process, a worker of the plan; threads that it starts later inherit it.

    `engine.pin` shares the cores out among the workers, `engine.realtime` is a priority of SCHED_FIFO.

    Returns
    -------
    What the user should know: where it runs, or why not.
    """
    engine = plan.config.engine
    notes = []
    if engine.pin:
        cores = sorted(os.sched_getaffinity(0))
        workers = sorted(plan.workers)
        own = cores[workers.index(name) % len(cores) :: len(workers)]
        os.sched_setaffinity(0, own)
        notes.append(f"runs on core {', '.join(map(str, own))}")
    if engine.realtime:
        try:
            os.sched_setscheduler(0, os.SCHED_FIFO, os.sched_param(engine.realtime))
        except OSError as error:
            notes.append(f"real-time priority {engine.realtime} refused ({error.strerror}): needs CAP_SYS_NICE")
        else:
            notes.append(f"real-time priority {engine.realtime}")
    return notes + prefer(plan)


def prefer(plan: Plan) -> list[str]:
    """Let this process go before other programs as far as `engine.nice` asks for it.

    Returns
    -------
    What the user should know.
    """
    nice = plan.config.engine.nice
    if not nice:
        return []
    try:
        set_niceness(nice)
    except OSError as error:
        return [f"nice {nice} refused ({error.strerror}): needs CAP_SYS_NICE"]
    return [f"nice {nice}"]


def set_niceness(nice: int) -> None:
    """Give this process a niceness, with all its threads and its session.

    Where Linux groups processes by session (sched(7), autogroup) it shares the cores out among groups first, and by
    niceness within each; a process of the engine is a session of its own.

    Raises
    ------
    OSError
        If the system refuses it: to go before others needs CAP_SYS_NICE.
    """
    for thread in os.listdir("/proc/self/task"):
        os.setpriority(os.PRIO_PROCESS, int(thread), nice)
    group = Path("/proc/self/autogroup")
    if group.exists():
        group.write_text(str(nice))

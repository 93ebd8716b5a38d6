"""What two processes could gain at best. Times are not tested."""

import re

from benchmarks.measurements import processes


def test_best_speed_up_leaves_what_is_done_alone_undivided():
    seconds = {"1 process(es)": 10.0, "2 process(es)": 6.0}
    detail = {
        "tasks": {"evaluation": {"seconds": seconds, "speedup": 10 / 6}},
        "bounds": {"alone_seconds": 2.0, "slowdown": 1.5},
    }
    text = processes.report(detail, {"cores": 2})
    # 2 s alone and 8 s divided, which take half as long again side by side: 10 / (2 + 8 * 1.5 / 2)
    assert re.search(r"the speed-up would be (\S+)\.$", text, re.MULTILINE)[1] == "1.25"
    assert "| evaluation | 10 | 6 | 1.67 |" in text

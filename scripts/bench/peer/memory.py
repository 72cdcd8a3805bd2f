"""How much memory a call needs while it runs."""

import re


def extra_bytes(call):
    """Peak growth of this process's resident memory during `call`, or None where the system does not tell."""
    try:
        with open("/proc/self/clear_refs", "w") as file:
            file.write("5")
        before = _status("VmRSS")
        call()
        return _status("VmHWM") - before
    except OSError:
        return None


def _status(name):
    with open("/proc/self/status") as file:
        return 1024 * int(re.search(rf"{name}:\s+(\d+)", file.read()).group(1))

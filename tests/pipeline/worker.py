"""The command, again and again in one warm process: a run then costs half of what it costs from a cold start.

Reads one order per line ({"arguments": …, "environment": …}), answers with one line ({"code": …, "text": …}).
"""

import contextlib
import io
import json
import os
import sys
import traceback


def main() -> None:
    """Works until its standard input is closed."""
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # nothing that a library writes to the terminal may get between the answers
    from orchestration.cli import app

    for line in sys.stdin:
        order = json.loads(line)
        os.environ.clear()
        os.environ.update(order["environment"])
        text = io.StringIO()
        with contextlib.redirect_stdout(text), contextlib.redirect_stderr(text):
            try:
                app(order["arguments"])
                code = 0
            except SystemExit as end:
                code = end.code or 0
            except BaseException:  # noqa: BLE001  what a user would see as a traceback is the answer
                traceback.print_exc()
                code = 1
        answers.write(json.dumps({"code": code, "text": text.getvalue()}) + "\n")
        answers.flush()


if __name__ == "__main__":
    main()

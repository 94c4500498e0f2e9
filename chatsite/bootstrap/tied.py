"""Runs a program that the kernel ends when its parent dies, however that dies.

`python tied.py SIGNAL PARENT USER PROGRAM ARGUMENT…`: becomes PROGRAM, run by USER (empty: who
we are). SIGNAL is sent when the process PARENT is gone. Linux only; elsewhere a killed parent
leaves the program running.
"""

import ctypes
import os
import pwd
import sys

PR_SET_PDEATHSIG = 1


def main(signal: int, parent: int, user: str, command: list[str]) -> None:
    """Does not return."""
    if user:
        account = pwd.getpwnam(user)
        os.initgroups(user, account.pw_gid)
        os.setgid(account.pw_gid)
        os.setuid(account.pw_uid)
    if sys.platform == "linux":
        # After the change of user, which would undo it; exec does not.
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal)
    if os.getppid() != parent:  # it died before we asked
        sys.exit(1)
    os.execv(command[0], command)  # noqa: S606


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]), sys.argv[3], sys.argv[4:])

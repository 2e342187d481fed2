"""Runs an unpacked image as Lambda and Batch run it: as its own user, on a read-only root with a writable /tmp.

    contain.py [--entrypoint PROGRAM] [--driver LIBRARY] ROOT [ARGUMENT…]

ROOT.json is the image's configuration. As with Docker, arguments stand in place of the image's command, behind its entry
point. The process that is started becomes the program, so that signals reach it and its exit code is the program's. What the
caller's environment has beside PATH, HOME and the like is passed on. A driver's library is put into the container, as NVIDIA's
container runtime puts the host's. Needs root and Linux; there is no isolation beyond
that, and the network is the machine's.
"""

import argparse
import ctypes
import json
import os
import pathlib
import shutil
import signal
import sys

CLONE_NEWNS, PR_SET_PDEATHSIG, PR_SET_NO_NEW_PRIVS = 0x20000, 1, 38
RDONLY, NOSUID, NODEV, REMOUNT, BIND, REC, PRIVATE = 1, 2, 4, 32, 4096, 16384, 1 << 18
# Of the machine, not of the container.
NOT_PASSED_ON = ("PATH", "HOME", "LANG", "PWD", "OLDPWD", "SHLVL", "LD_LIBRARY_PATH", "TMPDIR", "_")
DEVICES = ("null", "zero", "full", "random", "urandom")
TMP_MIB = 512
# Where a driver's library lies in the container, under the name that programs ask for.
DRIVER = pathlib.Path("tmp/driver/libcuda.so.1")

libc = ctypes.CDLL(None, use_errno=True)


def check(outcome: int, what: str) -> None:
    if outcome != 0:
        raise OSError(ctypes.get_errno(), f"{what}: {os.strerror(ctypes.get_errno())}")


def mount(source: str, target: pathlib.Path, kind: str | None = None, flags: int = 0, data: str | None = None) -> None:
    words = [word and word.encode() for word in (source, str(target), kind)]
    check(libc.mount(*words, ctypes.c_ulong(flags), data and data.encode()), f"mount {source} at {target}")


def make_root(root: pathlib.Path, driver: pathlib.Path | None) -> None:
    """In a mount namespace of this process alone, which goes when it ends."""
    check(libc.unshare(CLONE_NEWNS), "unshare")
    mount("none", pathlib.Path("/"), flags=REC | PRIVATE)
    mount(str(root), root, flags=BIND)
    mount("tmpfs", root / "tmp", "tmpfs", NOSUID | NODEV, f"mode=1777,size={TMP_MIB}m")
    if driver:
        (root / DRIVER).parent.mkdir()
        shutil.copy(driver, root / DRIVER)
    mount("/proc", root / "proc", flags=BIND | REC)
    mount("/sys", root / "sys", flags=BIND | REC)
    mount("tmpfs", root / "dev", "tmpfs", NOSUID, "mode=755,size=64k")
    for device in DEVICES:
        (root / "dev" / device).touch()
        mount(f"/dev/{device}", root / "dev" / device, flags=BIND)
    mount("none", root, flags=BIND | REMOUNT | RDONLY | NOSUID | NODEV)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--entrypoint")
    parser.add_argument("--driver", type=pathlib.Path)
    parser.add_argument("root", type=pathlib.Path)
    parser.add_argument("arguments", nargs=argparse.REMAINDER)
    args = parser.parse_args()
    root = args.root.resolve()
    config = json.loads(root.with_name(f"{root.name}.json").read_text())
    # A name in the image's password file would have to be looked up there; ours are numbers.
    user, group = (int(part) for part in config["User"].split(":"))
    entry = [args.entrypoint] if args.entrypoint else config.get("Entrypoint") or []
    command = entry + (args.arguments or config.get("Cmd") or [])
    env = dict(variable.split("=", 1) for variable in config.get("Env") or [])
    env.setdefault("PATH", "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin")
    env.update((name, value) for name, value in os.environ.items() if name not in NOT_PASSED_ON)
    if args.driver:
        env["LD_LIBRARY_PATH"] = str("/" / DRIVER.parent)

    make_root(root, args.driver)
    os.chroot(root)
    os.chdir(config.get("WorkingDir") or "/")
    os.setgroups([])
    os.setgid(group)
    os.setuid(user)
    check(libc.prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0), "no new privileges")
    # A change of user takes away what the caller may have asked for: that this process ends with it.
    check(libc.prctl(PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0), "end with the parent")
    os.execve(command[0], command, env)


if __name__ == "__main__":
    sys.exit(main())

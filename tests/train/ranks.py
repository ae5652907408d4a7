"""Processes that train together, forked from one that has loaded torch: five seconds of imports a rank are saved.

`python ranks.py serve NUMBER` loads and serves at an open socket, until its standard input ends.
`python ranks.py SOCKET` takes the place of `python -m netspec.train.worker`: it hands its files and its environment
over, passes signals on, and ends as its rank does; when it is killed, so is the rank. That ranks start, stop and are
lost in earnest is tested with `netspec train --devices 2`, in processes of its own.
"""

from __future__ import annotations

import gc
import json
import os
import signal
import socket
import sys
from pathlib import Path

LOADED = (
    "accelerate",
    "kornia.augmentation",
    "matplotlib.backends.backend_agg",
    "safetensors.torch",
    "sklearn.datasets",
    "torch._dynamo",
    "torch.distributed.fsdp",
    "torch.nn.parallel",
    "torchmetrics.classification",
    "netspec.codegen",
    "netspec.train.engine.loop",
    "netspec.train.start",
)
"""What a rank imports, most of it when it begins to train."""


def client(address: str) -> int:
    """Has a rank work with the files and the environment of this process; its exit status, or minus its signal."""
    with socket.socket(socket.AF_UNIX) as server:
        server.connect(address)
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, lambda number, frame: server.sendall(bytes([number])))
        setting = json.dumps([dict(os.environ), str(Path.cwd())]).encode()
        socket.send_fds(server, [len(setting).to_bytes(4)], [0, 1, 2])
        server.sendall(setting)
        os.close(0)
        return int(server.makefile().read() or -signal.SIGKILL)


def serve(number: int) -> None:
    """Loads what ranks import, and forks one for every client, each under a keeper."""
    from importlib import import_module
    from select import select

    for name in LOADED:
        import_module(name)
    gc.freeze()  # else a collection in a rank would touch, and so copy, all that was loaded
    keepers: list[int] = []
    with socket.socket(fileno=number) as listener:
        while sys.stdin not in select([listener, sys.stdin], [], [])[0]:
            connection, _ = listener.accept()
            keeper = os.fork()
            if keeper == 0:
                listener.close()
                keep(connection)
            connection.close()
            keepers.append(keeper)
    for keeper in keepers:
        os.waitpid(keeper, 0)


def keep(connection: socket.socket) -> None:
    """Forks a rank, passes on the signals that its client gets, and tells the client how the rank has ended."""
    from threading import Thread

    size, files, _, _ = socket.recv_fds(connection, 4, 3)
    setting = connection.makefile("rb").read(int.from_bytes(size))
    process = os.fork()
    if process == 0:
        connection.close()
        rank(files, *json.loads(setting))
    for file in (*files, 0):
        os.close(file)

    def pass_on() -> None:
        while number := connection.recv(1):
            os.kill(process, number[0])
        os.kill(process, signal.SIGKILL)

    Thread(target=pass_on, daemon=True).start()
    status = os.waitstatus_to_exitcode(os.waitpid(process, 0)[1])
    connection.sendall(str(status).encode())
    os._exit(0)


def rank(files: list[int], environment: dict[str, str], folder: str) -> None:
    """Does the work of `python -m netspec.train.worker`, and ends."""
    import torch

    from netspec.train.runs.progress import PARENT
    from netspec.train.worker import main

    os.setsid()
    for number, file in enumerate(files):
        os.dup2(file, number)
        os.close(file)
    sys.stdin = os.fdopen(0, encoding="utf-8")
    os.environ.clear()
    os.environ.update(environment | {PARENT: str(os.getppid())})
    os.chdir(folder)
    torch.set_num_threads(int(environment["OMP_NUM_THREADS"]))
    status = main()
    sys.stdout.flush()
    os._exit(status)


if __name__ == "__main__":
    if sys.argv[1] == "serve":
        serve(int(sys.argv[2]))
    else:
        status = client(sys.argv[1])
        if status < 0:
            signal.signal(-status, signal.SIG_DFL)
            os.kill(os.getpid(), -status)
        sys.exit(status)

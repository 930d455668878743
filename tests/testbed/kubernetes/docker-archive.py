#!/usr/bin/env python3
"""docker-archive.py OUT NAME ENTRYPOINT LAYER…: a container image as `docker save` writes one, for `ctr images import`.

A LAYER is a folder, taken whole but for device nodes, or FILE=/PATH/IN/IMAGE. The same layers give the same digests: what two
images share is stored once where they are imported."""

import hashlib
import io
import json
import os
import sys
import tarfile
import tempfile

EPOCH = "1970-01-01T00:00:00Z"


def plain(entry):
    """What is in a layer has nobody's times; device nodes stay out."""
    entry.mtime = 0
    return None if entry.ischr() or entry.isblk() else entry


def directory(path):
    entry = tarfile.TarInfo(path)
    entry.type, entry.mode = tarfile.DIRTYPE, 0o755
    return entry


def write_layer(layer, file):
    """Writes a layer's tar; its digest."""
    with tarfile.open(fileobj=file, mode="w") as tar:
        if "=" in layer:
            source, path = layer.split("=", 1)
            path = path.lstrip("/")
            for i, c in enumerate(path):
                if c == "/":
                    tar.addfile(directory(path[:i]))
            entry = tarfile.TarInfo(path)
            entry.size, entry.mode = os.path.getsize(source), 0o755
            with open(source, "rb") as content:
                tar.addfile(entry, content)
        else:
            for name in sorted(os.listdir(layer)):
                tar.add(os.path.join(layer, name), arcname=name, filter=plain)
    file.seek(0)
    digest = hashlib.file_digest(file, "sha256").hexdigest()
    file.seek(0)
    return digest


def main():
    out, name, entrypoint, *layers = sys.argv[1:]

    def add(tar, path, content, size):
        entry = tarfile.TarInfo(path)
        entry.size = size
        tar.addfile(entry, content)

    digests = []
    with tarfile.open(out, "w") as tar:
        for layer in layers:
            with tempfile.TemporaryFile(dir=os.path.dirname(os.path.abspath(out))) as file:
                digest = write_layer(layer, file)
                add(tar, f"{digest}/layer.tar", file, os.fstat(file.fileno()).st_size)
            digests.append(digest)
        config = {
            "architecture": "amd64",
            "os": "linux",
            "created": EPOCH,
            "config": {
                "Env": ["PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"],
                "WorkingDir": "/",
                **({"Entrypoint": [entrypoint]} if entrypoint else {}),
            },
            "rootfs": {"type": "layers", "diff_ids": [f"sha256:{digest}" for digest in digests]},
            "history": [{"created": EPOCH, "created_by": "test bed"} for _ in digests],
        }
        config = json.dumps(config).encode()
        path = hashlib.sha256(config).hexdigest() + ".json"
        add(tar, path, io.BytesIO(config), len(config))
        manifest = [{"Config": path, "RepoTags": [name], "Layers": [f"{digest}/layer.tar" for digest in digests]}]
        manifest = json.dumps(manifest).encode()
        add(tar, "manifest.json", io.BytesIO(manifest), len(manifest))


main()

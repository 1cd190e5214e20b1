"""Base images: what a full version is, which base is to be had again, which is past its end."""

from datetime import date
from pathlib import Path
from typing import Final

import pytest

from repro_sign import lint_recipe
from tests.lint.reading import codes, lint_text

DIGEST: Final = f"sha256:{'0f' * 32}"
IMAGES: Final = {
    "python": "base-latest",
    "python:latest": "base-latest",
    "node:lts-slim": "base-latest",
    "debian:stable": "base-latest",
    "ghcr.io/example/tool:main": "base-latest",
    "registry.example.org:5000/tool": "base-latest",
    "python:3": "base-not-pinned",
    "python:3.12": "base-not-pinned",
    "python:slim": "base-not-pinned",
    "docker.io/library/python:3.12-slim": "base-not-pinned",
    "debian:trixie": "base-not-pinned",
    "alpine:3.22": "base-not-pinned",
    "rocker/r-ver:4": "base-not-pinned",
    "example/tool:paper": "base-not-pinned",
    "example/tool@sha256:0123": "base-not-pinned",
    "$IMAGE": "base-not-pinned",
    "python:3.12.4": "base-no-digest",
    "python:3.12.4-slim-bookworm": "base-no-digest",
    "ubuntu:24.04": "base-no-digest",
    "ubuntu:noble-20240605": "base-no-digest",
    "debian:12.5": "base-no-digest",
    "rockylinux:9.3": "base-no-digest",
    "nvidia/cuda:12.4.1-devel-ubuntu22.04": "base-no-digest",
    "nvcr.io/nvidia/pytorch:24.05-py3": "base-no-digest",
    "quay.io/biocontainers/samtools:1.20--h50ea8bc_0": "base-no-digest",
    "eclipse-temurin:21.0.3_9-jre": "base-no-digest",
    "ghcr.io/example/tool:v1.2": "base-no-digest",
    "ghcr.io/example/tool:9f1c2d3": "base-no-digest",
    "example/python:3.12": "base-no-digest",
    f"python@{DIGEST}": "",
    f"python:latest@{DIGEST}": "",
    f"$REGISTRY/tool@{DIGEST}": "",
}


@pytest.mark.parametrize("image", IMAGES)
def test_how_exactly_an_image_is_named(image: str, tmp_path: Path) -> None:
    expected = [f"1 {IMAGES[image]}"] if IMAGES[image] else []
    assert codes(lint_text(tmp_path, "Dockerfile", f"FROM {image}\n"), "base-") == expected
    definition = f"Bootstrap: docker\nFrom: {image}\n"
    assert [
        one.code for one in lint_text(tmp_path, "a.def", definition) if "base-" in one.code
    ] == [code.split()[1] for code in expected]


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        ("library\nFrom: user/default/tool", ["base-latest"]),
        ("library\nFrom: library://user/default/tool:1.0.2", ["base-no-digest"]),
        (f"library\nFrom: user/default/tool:{DIGEST.replace(':', '.')}", []),
        (f"library\nFrom: user/default/tool:{DIGEST}", []),
        ("oras\nFrom: registry.example.org/tool:1.0", ["base-no-digest"]),
        (f"oras\nFrom: registry.example.org/tool@{DIGEST}", []),
        ("localimage\nFrom: /images/base.sif", ["base-local"]),
        ("docker-daemon\nFrom: tool:latest", ["base-local"]),
        ("docker-archive\nFrom: tool.tar", ["base-local"]),
        ("shub\nFrom: user/tool", ["base-gone"]),
        ("docker\nFrom: shub://user/tool", ["base-gone"]),
        ("yum\nOSVersion: 9\nMirrorURL: http://mirror.example.org/9", ["base-not-pinned"]),
        ("arch", ["base-not-pinned"]),
        ("busybox\nMirrorURL: https://busybox.net/downloads/binaries/1.35.0-x86/busybox", []),
        ("busybox\nMirrorURL: https://example.org/busybox", ["base-not-pinned"]),
        ("scratch", []),
        ("docker", ["base-latest"]),
        ("docker\nfrom: python:3.12.4  # the paper's", ["base-no-digest"]),
        ("docker\nFrom: python\\\n:3.12.4", ["base-no-digest"]),
    ],
)
def test_ways_to_begin_a_definition_file(header: str, expected: list[str], tmp_path: Path) -> None:
    found = lint_text(tmp_path, "a.def", f"Bootstrap: {header}\n")
    assert [one.code for one in found if one.code.startswith("base-")] == expected


def test_arguments_of_a_dockerfile_stand_for_their_values(tmp_path: Path) -> None:
    text = "ARG V=3.12.4\nARG W\nFROM python:${V}\nFROM python:${W:-3.12}\nFROM python:$W\n"
    found = lint_text(tmp_path, "Dockerfile", text)
    assert [(one.line, one.message) for one in found if one.code.startswith("base-")] == [
        (3, "python:3.12.4 has no digest"),
        (4, "python:3.12 names no full version"),
        (5, "which image python:$W is depends on who builds it"),
    ]


def test_a_stage_of_the_same_file_is_no_foreign_image(tmp_path: Path) -> None:
    text = f"FROM x@{DIGEST} AS one\nFROM One AS two\nCOPY --from=0 a b\nCOPY --from=one a b\n"
    assert codes(lint_text(tmp_path, "Dockerfile", text), "base-") == []


@pytest.mark.parametrize(
    ("image", "day", "ended"),
    [
        ("debian:10.13", date(2024, 6, 30), []),
        ("debian:10.13", date(2024, 7, 1), ["Debian 10"]),
        ("python:3.7.17-slim-buster", date(2026, 1, 1), ["Debian 10", "Python 3.7"]),
        ("nvidia/cuda:11.0.3-base-ubuntu18.04", date(2026, 1, 1), ["Ubuntu 18.04"]),
        ("node:20.11.0-alpine3.18", date(2026, 1, 1), ["Alpine Linux 3.18"]),
        ("centos:7.9.2009", date(2026, 1, 1), ["CentOS 7"]),
        ("example/tool:3.7", date(2026, 1, 1), []),
    ],
)
def test_a_base_past_its_end_of_life_is_advice(
    image: str, day: date, ended: list[str], tmp_path: Path
) -> None:
    path = tmp_path / "Dockerfile"
    path.write_text(f"FROM {image}\n", encoding="utf-8")
    found = [one for one in lint_recipe(path, today=day) if one.code == "base-end-of-life"]
    assert [one.message.partition(" got")[0] for one in found] == ended
    assert all(one.level == "advice" and "by the table of 20" in one.message for one in found)

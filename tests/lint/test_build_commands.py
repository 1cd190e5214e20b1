"""Commands of %post and RUN: what each package manager calls pinned, what counts as checked."""

from pathlib import Path
from typing import Final

import pytest

from tests.lint.reading import GOOD_BASE, codes, lint_text, post

COMMIT: Final = "9f1c2d3e4b5a60718293a4b5c6d7e8f901234567"
SUM: Final = "0f" * 32
FINE: Final = (
    "apt-get install -y -t bookworm libx=1.2-3 liby:amd64=2.0",
    "apt install ./local.deb",
    'apt-get install -y "libx=${LIBX_VERSION}"',
    "apk add --no-cache --virtual .build curl=8.5.0-r0",
    "dnf install -y --enablerepo crb glibc-2.34-60.el9 python3.11-3.11.5-1.el9_3.x86_64",
    "yum -y install httpd-2.4.6",
    "zypper --non-interactive install -r repo gcc=13-1 libx-1.2.3",
    "pip install numpy==1.26.4 'scipy[all]==1.13.0; python_version>\"3\"'",
    "python3 -m pip install --no-cache-dir numpy===1.26.4",
    "pip install -r requirements.txt",
    "pip install -c constraints.txt numpy",
    "pip install .",
    f"pip install 'lab @ git+https://example.org/lab@{COMMIT}'",
    f"pip install https://example.org/lab.whl#sha256={SUM}",
    "uv pip install --system numpy==1.26.4 && uv sync --locked && uv tool install ruff==0.4.1",
    "poetry add numpy==1.26.4 && poetry install",
    "conda create -y -n paper -c conda-forge python=3.11.9 numpy==1.26.4 blas=1.0=mkl",
    "micromamba install -y -f environment.yml",
    "conda activate paper && conda run -n paper python -c 'pass'",
    "npm ci && npm install -g @angular/cli@17.1.0",
    "yarn install --frozen-lockfile",
    "cargo install --locked ripgrep --version 14.1.0",
    f"cargo install --locked --git https://example.org/tool --rev {COMMIT}",
    "go install example.org/tool@v1.2.3",
    "gem install bundler -v 2.5.4",
    "spack install hdf5@1.14.3",
    'Rscript -e \'remotes::install_version("dplyr", version = "1.1.4")\'',
    'R -e \'install.packages("dplyr", repos="https://packagemanager.example/cran/2024-01-15")\'',
    "R --no-echo -e 'renv::restore()'",
    'julia -e \'using Pkg; Pkg.add(Pkg.PackageSpec(name="CSV", version="0.10.12"))\'',
    f"git clone https://example.org/a && cd a && git checkout {COMMIT}",
    f"git clone https://example.org/a x && git -C x reset --hard {COMMIT}",
    f"git clone https://example.org/a; git clone https://example.org/b; (cd a; git checkout "
    f"{COMMIT}); git -C b checkout {COMMIT}",
    f"curl -fsSLo /tmp/a https://example.org/a.tgz && echo '{SUM}  /tmp/a' | sha256sum -c -",
    f"wget -q https://example.org/a; echo '{SUM} a' > SHA256SUMS; sha256sum --check SHA256SUMS",
    f'wget -O a https://example.org/a; [ "$(sha256sum a | cut -d" " -f1)" = {SUM} ]',
    "curl https://example.org/a > a; curl https://example.org/a.asc > a.asc; gpg --verify a.asc a",
    f"aria2c --checksum=sha-256={SUM} https://example.org/a",
    'F=a; curl -o "$F" https://example.org/a; echo "$SUM  $F" | sha256sum -c',
    "curl -s http://localhost:8080/health",
    "echo 'apt-get install emacs'  # pip install numpy",
    "echo pip install numpy >> notes.txt",
    "grep -q 'apt-get upgrade' /etc/motd || true",
)
"""Nothing is to be said of these."""

FOUND: Final = {
    "apt-get install -y libx=1.2-3 git": "system-package-not-pinned",
    "DEBIAN_FRONTEND=noninteractive apt-get -y install git": "system-package-not-pinned",
    "sudo -E apt-get install git": "system-package-not-pinned",
    "if true; then apt install -y git; fi": "system-package-not-pinned",
    "bash -c 'apt-get install -y git'": "system-package-not-pinned",
    "apt-get install -y 'libx=1.2*'": "package-range",
    "apt-get install -y $(cat packages.txt)": "packages-unseen",
    "xargs -a packages.txt apt-get install -y git": "system-package-not-pinned",
    "yum install -y java-11-openjdk": "system-package-not-pinned",
    "dnf install -y https://example.org/release.rpm": "download-unchecked",
    "apk add 'curl>8'": "package-range",
    "zypper -n in gcc": "system-package-not-pinned",
    "pacman -S --noconfirm git": "system-package-not-pinned",
    "dnf -y update": "system-upgrade",
    "apt-get dist-upgrade -y": "system-upgrade",
    "conda update --all -y": "system-upgrade",
    "pip install numpy": "package-not-pinned",
    "/opt/venv/bin/pip3.11 install --upgrade pip": "package-not-pinned",
    "pip install 'numpy~=1.26'": "package-range",
    "pip install numpy==1.26.*": "package-range",
    "pip install -e git+https://example.org/lab#egg=lab": "git-not-pinned",
    "pip install git+https://example.org/lab@main": "git-not-pinned",
    "pip install git+ssh://git@example.org/lab.git@v1.0": "git-tag-only",
    "pip install https://example.org/lab.whl": "download-unchecked",
    "pipx install poetry": "package-not-pinned",
    "uv add numpy": "package-not-pinned",
    "uv sync": "lock-not-enforced",
    "conda install -y numpy": "package-not-pinned",
    "mamba install -y numpy=1.26": "package-range",
    "conda install -y 'numpy>=1.26'": "package-range",
    "npm install -g typescript": "package-not-pinned",
    "npm install left-pad@^1.3.0": "package-range",
    "npm install": "lock-not-enforced",
    "cargo install --locked ripgrep": "package-not-pinned",
    "cargo build --release": "lock-not-enforced",
    "cargo install --locked --git https://example.org/tool": "git-not-pinned",
    "go install example.org/tool@latest": "package-not-pinned",
    "gem install rails": "package-not-pinned",
    "spack install hdf5": "package-not-pinned",
    'R -e \'install.packages(c("dplyr", "ggplot2"))\'': "package-not-pinned",
    "R -e 'install.packages(wanted)'": "packages-unseen",
    "Rscript -e 'devtools::install_github(\"example/pkg@v1.0\")'": "git-tag-only",
    "Rscript - <<EOF\ninstall.packages('dplyr')\nEOF": "package-not-pinned",
    "julia -e 'import Pkg; Pkg.add(\"CSV\")'": "package-not-pinned",
    "julia -e 'using Pkg; pkg\"add CSV\"'": "package-not-pinned",
    "julia -e 'using Pkg; Pkg.update()'": "package-not-pinned",
    "git clone https://example.org/a": "git-not-pinned",
    "git clone -b main https://example.org/a": "git-not-pinned",
    "git clone https://example.org/a && git -C a checkout develop": "git-not-pinned",
    "git clone --depth=1 --branch=v2.0 https://example.org/a": "git-tag-only",
    "curl -L https://example.org/a.tgz | tar xz": "download-unchecked",
    "curl -O https://example.org/a; echo x  b | sha256sum -c": "download-unchecked",
    'curl -O https://example.org/a; echo "$SUM b" | sha256sum -c': "download-unchecked",
    "echo 'x  a' | sha256sum -c; curl -o a https://example.org/a": "download-unchecked",
    "wget https://example.org/a; sha256sum a > a.sha256": "download-unchecked",
    "wget -qO- https://example.org/i.sh | sudo bash": "download-piped",
    "bash <(curl -s https://example.org/i.sh)": "download-piped",
    'sh -c "$(curl -fsSL https://example.org/i.sh)"': "download-piped",
    "curl https://example.org/i.py | python3 -": "download-piped",
    "git clone http://example.org/a && git -C a checkout 9f1c2d3e4b5a": "plain-http",
    "pip install --index-url http://pypi.example.org numpy==1.0": "plain-http",
    "pip install --trusted-host pypi.example.org numpy==1.0": "not-authenticated",
    "apt-get install --allow-unauthenticated libx=1": "not-authenticated",
    "dnf install -y --nogpgcheck libx-1.2-3.el9": "not-authenticated",
    "git -c http.sslVerify=false fetch": "not-authenticated",
    "echo 'deb [trusted=yes] https://example.org ./' > /etc/apt/sources.list": "not-authenticated",
}
"""What is to be said of each of these, and nothing else."""


@pytest.mark.parametrize("command", FINE)
def test_nothing_is_said_of_what_is_pinned_and_checked(command: str, tmp_path: Path) -> None:
    assert codes(lint_text(tmp_path, "a.def", post(command))) == []


@pytest.mark.parametrize("command", FOUND)
def test_what_is_not_pinned_or_checked_is_said_once(command: str, tmp_path: Path) -> None:
    (found,) = lint_text(tmp_path, "a.def", post(command))
    assert found.code == FOUND[command]


@pytest.mark.parametrize("command", [*FINE, *FOUND])
def test_a_dockerfile_is_judged_as_a_definition_file_is(command: str, tmp_path: Path) -> None:
    text = f'FROM {GOOD_BASE}\nENV SEED=1\nLABEL version=1\nCMD ["/opt/run", "x"]\n'
    run = f"RUN <<THE_END\n{command}\nTHE_END\n"
    inline = f"RUN {command}\n" if "\n" not in command else run
    one = lint_text(tmp_path, "Dockerfile", text + run)
    other = lint_text(tmp_path, "Dockerfile.inline", text + inline)
    expected = [FOUND[command]] if command in FOUND else []
    assert [found.code for found in one] == [found.code for found in other] == expected


def test_the_line_is_that_of_the_command_in_continued_lines(tmp_path: Path) -> None:
    text = (
        f"FROM {GOOD_BASE}\n"
        "RUN --mount=type=cache,target=/var/cache \\\n"
        "    apt-get update \\\n"
        "    # a comment\n"
        "\n"
        " && apt-get install -y \\\n"
        "      git \\\n"
        " && pip install \\\n"
        "      numpy\n"
    )
    found = codes(lint_text(tmp_path, "Dockerfile", text), "system-", "package-")
    assert found == ["6 system-package-not-pinned", "8 package-not-pinned"]


def test_several_packages_are_named_in_one_finding(tmp_path: Path) -> None:
    (found,) = lint_text(tmp_path, "a.def", post("pip install a b c d e f g==1"))
    assert found.message == "pip installs a, b, c, d and 2 more without a version"


def test_packages_of_one_day_of_the_archive_need_no_version(tmp_path: Path) -> None:
    source = "https://snapshot.debian.org/archive/debian/20240110T000000Z"
    command = f"echo 'deb {source} bookworm main' > /etc/apt/sources.list\napt-get install -y git"
    assert codes(lint_text(tmp_path, "a.def", post(command))) == []
    dockerfile = (
        f"FROM {GOOD_BASE} AS base\nRUN echo 'deb {source} bookworm main' > /etc/apt/sources.list\n"
        "FROM base\nRUN apt-get update && apt-get install -y git\n"
    )
    assert codes(lint_text(tmp_path, "Dockerfile", dockerfile), "system-") == []


@pytest.mark.parametrize(
    ("line", "found"),
    [
        ("ADD https://example.org/a.tgz /", ["2 download-unchecked"]),
        (f"ADD --checksum=sha256:{SUM} https://example.org/a.tgz /", []),
        ("ADD http://example.org/a.tgz /", ["2 download-unchecked", "2 plain-http"]),
        ("ADD https://example.org/a.git /", ["2 git-not-pinned"]),
        ("ADD https://example.org/a.git#v1.0 /", ["2 git-tag-only"]),
        (f"ADD git@example.org:a/b.git#{COMMIT} /", []),
        ("ADD run.py /", []),
        ("COPY --from=busybox:1.36 /bin/sh /", ["2 base-not-pinned"]),
        ("RUN --mount=type=bind,from=alpine,target=/x true", ["2 base-latest"]),
        ("ONBUILD RUN pip install numpy", ["2 package-not-pinned"]),
        ("RUN [\"pip\", \"install\", \"numpy\"]", ["2 package-not-pinned"]),
        ("RUN [\"sh\", \"-c\", \"pip install numpy\"]", ["2 package-not-pinned"]),
    ],
)  # fmt: skip
def test_instructions_of_dockerfiles(line: str, found: list[str], tmp_path: Path) -> None:
    text = f'FROM {GOOD_BASE}\n{line}\nENV SEED=1\nLABEL version=1\nCMD ["/opt/run", "x"]\n'
    assert codes(lint_text(tmp_path, "Containerfile", text)) == found

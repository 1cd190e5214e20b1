"""A recipe of an image as a value: what a definition file and a Dockerfile have in common."""

from collections.abc import Iterator
from dataclasses import field

from repro_sign.lint.finding import Remark
from repro_sign.lint.shell_command import ShellCommand
from repro_sign.values import dataclass


@dataclass(frozen=True, slots=True)
class Base:
    """Where an image begins. `agent` is what fetches it (`docker`, `library`, `debootstrap` …)."""

    agent: str
    text: str
    line: int
    start: int
    headers: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Step:
    """A command. Those of one `layer` are cached together; at `start` its instruction begins."""

    command: ShellCommand
    start: int
    layer: int


@dataclass(frozen=True, slots=True)
class Setting:
    """A variable and its value as it is written, without quotes."""

    name: str
    value: str
    line: int
    start: int


@dataclass(frozen=True, slots=True)
class Addition:
    """An address that an instruction copies from."""

    address: str
    checked: bool
    line: int
    start: int


@dataclass(slots=True)
class Stage:
    """One stage. What an earlier stage of the same recipe is based on is its `parent`."""

    base: Base
    name: str = ""
    parent: "Stage | None" = None
    steps: list[Step] = field(default_factory=list)
    """Run when the image is built."""
    runs: list[Step] = field(default_factory=list)
    """Run when the image is: its own command, and whatever else runs then."""
    main: list[Step] = field(default_factory=list)
    """The image's own command."""
    arguments_given: bool = False
    """Whether arguments for that command are part of the recipe apart from it (CMD)."""
    environment: list[Setting] = field(default_factory=list)
    build_variables: list[Setting] = field(default_factory=list)
    labels: list[str] = field(default_factory=list)
    additions: list[Addition] = field(default_factory=list)
    images: list[Base] = field(default_factory=list)
    """Other images that files are copied from."""

    def lineage(self) -> Iterator["Stage"]:
        """Yield this stage and those it is based on."""
        stage: Stage | None = self
        while stage is not None:
            yield stage
            stage = stage.parent


@dataclass(slots=True)
class Recipe:
    """A whole recipe. `layered` ones (Dockerfiles) are built and cached by instruction."""

    stages: list[Stage]
    layered: bool
    remarks: list[Remark] = field(default_factory=list)
    """What the reader of the file has to say itself."""

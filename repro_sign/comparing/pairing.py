"""Which object of one image is which of the other: by group, type, name and order."""

from collections.abc import Iterable

from repro_sign.comparing.result import Weight
from repro_sign.statements.manifest import ImageRecord, ObjectRecord
from repro_sign.values import dataclass

_Key = tuple[int, str, str, int]


@dataclass(frozen=True, slots=True)
class Pair:
    """An object in A and in B; one of them may be missing."""

    a: ObjectRecord | None
    b: ObjectRecord | None

    @property
    def either(self) -> ObjectRecord:
        """The one in A, or else that in B."""
        one = self.a or self.b
        if one is None:
            raise ValueError("a pair of nothing")
        return one

    @property
    def sizes(self) -> tuple[str | None, str | None]:
        """How long each is, in words; None for one that is missing."""
        here, there = (f"{one.size} bytes" if one else None for one in (self.a, self.b))
        return here, there

    @property
    def is_signature(self) -> bool:
        """Whether this is a signature, which has no part in what an image holds."""
        return self.either.type == "signature"

    @property
    def weight(self) -> Weight:
        """What a difference between the two is about, as long as no more is known."""
        return Weight.SIGNATURE if self.is_signature else Weight.CONTENT

    @property
    def is_partition(self) -> bool:
        """Whether this is a file system."""
        return self.either.type.startswith("partition")

    @property
    def may_be_packed_otherwise(self) -> bool:
        """Whether other bytes may be the same content: a file system, or dated labels."""
        return self.is_partition or self.either.type in ("JSON", "labels")


def pair_objects(a: ImageRecord, b: ImageRecord) -> tuple[Pair, ...]:
    """Pair the objects off, in the order of A, those that only B has at the end."""
    ours, theirs = _keyed(a.objects), _keyed(b.objects)
    pairs = [Pair(one, theirs.get(key)) for key, one in ours.items()]
    return (*pairs, *(Pair(None, one) for key, one in theirs.items() if key not in ours))


def _keyed(objects: Iterable[ObjectRecord]) -> dict[_Key, ObjectRecord]:
    found: dict[_Key, ObjectRecord] = {}
    for one in sorted(objects, key=lambda each: each.id):
        count = 0
        while (key := (one.group, one.type, one.name, count)) in found:
            count += 1
        found[key] = one
    return found


def name_of(pair: Pair) -> str:
    """Name a pair by its numbers and type. Hostile text."""
    one = pair.either
    numbers = sorted({each.id for each in (pair.a, pair.b) if each})
    name = f" {one.name}" if one.name else ""
    return f"object {'/'.join(map(str, numbers))} ({one.type}{name})"

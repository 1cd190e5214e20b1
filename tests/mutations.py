"""Damage to bytes, texts and statements: the same every time, since each starts from its seed."""

import json
import random
import re
import struct
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Final

NUMBERS: Final = (-1, 0, 1, 0x7FFFFFFF, 0xFFFFFFFF, 1 << 40, (1 << 63) - 1, -(1 << 63))
LONG: Final = "x" * 400_000
DEEP: Final = 20_000
LITERALS: Final = (
    *("-1", "0", "true", '""', "[]", "{}", "[[1]]", "1.5e300", "nan", "1979-05-27T07:32:00Z"),
    *("9" * 5000, "0x" + "f" * 5000, "[" * DEEP, "[" * DEEP + "]" * DEEP, "{a=" * DEEP),
    f'"{LONG}"',
    '"\\u0000\\u202e\\u001b[31m"',
    '"' + "\N{RIGHT-TO-LEFT OVERRIDE}" * 300 + '"',
    "[" + "1," * 50_000 + "1]",
    '["' + "a" * 40 + '"' + ', "b"' * 20_000 + "]",
)
LINES: Final = (
    *("[", "[[", "a.b", "=", '"', '"""', "[a]\n[a]", "{", "-" * 5, "\0", "\x1b]0;x\a", "\ufeff"),
    ".".join("a" * 50_000) + " = 1",
    "[" + ".".join("a" * 50_000) + "]",
    "".join(f"[a{n}]\n" for n in range(20_000)),
    "".join(f"x{n} = {n}\n" for n in range(20_000)),
    "".join("[[signer]]\n" for _ in range(20_000)),
    "a = '''" + "\n" * 100_000 + "'''",
    "#" * 500_000,
    "x" * 500_000,
    "\n" * 500_000,
)
VALUES: Final[tuple[Any, ...]] = (
    *(None, True, -1, 0, 1 << 70, 1.5, "", [], {}, [[]], "\0\u202e\x1b[31m", "x" * 9000),
    *("sha256:" + "0" * 64, "../../etc/passwd", "2026-02-30T25:61:00Z", "9999-12-31T23:59:59Z"),
    *(["x"] * 12_000, {str(n): n for n in range(12_000)}, [{}] * 12_000),
)
Damage = Callable[[random.Random, bytes], bytes]


@dataclass(frozen=True)
class Mutant:
    """Damaged bytes, and what was done to them."""

    name: str
    data: bytes


@contextmanager
def blaming(mutant: Mutant) -> Iterator[None]:
    """Say in an error which input it was."""
    try:
        yield
    except BaseException as error:
        error.add_note(mutant.name)
        raise


def mutants(data: bytes, seed: str, count: int, *damages: Damage) -> Iterator[Mutant]:
    """Yield `count` inputs that differ from `data`, each kind of damage in its turn."""
    made = number = 0
    while made < count:
        chance = random.Random(f"{seed} {number}")
        damage = damages[number % len(damages)]
        changed = damage(chance, data)
        number += 1
        if changed != data:
            made += 1
            yield Mutant(f"{seed} {number}: {damage.__name__}", changed)


def _place(chance: random.Random, data: bytes) -> int:
    return chance.randrange(len(data))


def _block(chance: random.Random, data: bytes) -> tuple[int, int]:
    start = _place(chance, data)
    return start, start + 1 + chance.randrange(max(len(data) // chance.choice((2, 20, 200)), 1))


def flip_a_bit(chance: random.Random, data: bytes) -> bytes:
    changed = bytearray(data)
    changed[_place(chance, data)] ^= 1 << chance.randrange(8)
    return bytes(changed)


def flip_a_bit_early(chance: random.Random, data: bytes) -> bytes:
    """Hit what stands at the beginning: headers, tables."""
    return flip_a_bit(chance, data[:6000]) + data[6000:]


def truncate(chance: random.Random, data: bytes) -> bytes:
    return data[: _place(chance, data)]


def delete_a_block(chance: random.Random, data: bytes) -> bytes:
    start, end = _block(chance, data)
    return data[:start] + data[end:]


def repeat_a_block(chance: random.Random, data: bytes) -> bytes:
    start, end = _block(chance, data)
    times = chance.choice((2, 2, 3, 50))
    return data[:start] + data[start:end] * times + data[end:]


def write_a_number(chance: random.Random, data: bytes) -> bytes:
    """Put the limits of whole numbers over what stands there, in either order of bytes."""
    form = chance.choice(("<q", "<i", ">I", ">H", "<B"))
    mask = (1 << 8 * struct.calcsize(form)) - 1
    number = chance.choice(NUMBERS) & mask
    place = chance.choice((_place(chance, data), _place(chance, data[:6000])))
    packed = struct.pack(form[0] + form[1].upper(), number)
    return data[:place] + packed + data[place + len(packed) :]


def append_junk(chance: random.Random, data: bytes) -> bytes:
    return data + chance.choice((b"\0", b"\xff" * 100, data, chance.randbytes(5000)))


def break_the_encoding(chance: random.Random, data: bytes) -> bytes:
    place = _place(chance, data)
    junk = chance.choice((b"\xff", b"\xc0\x80", b"\xed\xa0\x80", b"\0", b"\xef\xbb\xbf", b"\r"))
    return data[:place] + junk + data[place:]


def another_value(chance: random.Random, data: bytes) -> bytes:
    """Put another literal where a value of TOML or JSON stands."""
    found = list(re.finditer(rb'(?<=[=:\[,])\s*("[^"\n]*"|[\w.+-]+)', data))
    literal = chance.choice(LITERALS).encode()
    if not found:
        return data + literal
    hit = chance.choice(found)
    return data[: hit.start()] + b" " + literal + data[hit.end() :]


def another_line(chance: random.Random, data: bytes) -> bytes:
    """Put a line where none was."""
    lines = data.split(b"\n")
    lines.insert(chance.randrange(len(lines) + 1), chance.choice(LINES).encode())
    return b"\n".join(lines)


def move_lines(chance: random.Random, data: bytes) -> bytes:
    """Leave a line out, repeat it, or put it elsewhere."""
    lines = data.split(b"\n")
    moved = lines.pop(chance.randrange(len(lines)))
    for _ in range(chance.choice((0, 1, 2, 3, 5000))):
        lines.insert(chance.randrange(len(lines) + 1), moved)
    return b"\n".join(lines)


def long_name(chance: random.Random, data: bytes) -> bytes:
    """Make a text that is there very long, or something that no eye can see."""
    found = list(re.finditer(rb'"[^"\n]*"', data))
    if not found:
        return data + LONG.encode()
    hit = chance.choice(found)
    junk = chance.choice((LONG, "\\u202e" * 50, "/" * 9000, "%s{0}${x}" * 100, "*" * 40 + "b"))
    return data[: hit.start() + 1] + junk.encode() + data[hit.end() - 1 :]


BYTES: Final = (
    *(flip_a_bit, flip_a_bit_early, truncate, delete_a_block, repeat_a_block),
    *(write_a_number, append_junk),
)
TEXT: Final = (
    *(another_value, another_line, long_name, break_the_encoding, move_lines, another_value),
    *(flip_a_bit, truncate, delete_a_block, repeat_a_block),
)


def changed_statements(data: bytes, seed: str, count: int) -> Iterator[Mutant]:
    """Yield JSON documents in which one member somewhere is another, missing, or there twice."""
    for number in range(count):
        chance = random.Random(f"{seed} {number}")
        document = json.loads(data)
        nodes = list(_nodes(document))
        holder, key = chance.choice(nodes)
        if chance.random() < 0.15:
            del holder[key]
        elif isinstance(holder, list) and chance.random() < 0.3:
            holder[key:key] = [holder[key]] * chance.choice((1, 10_001))
        else:
            holder[key] = chance.choice(VALUES)
        yield Mutant(f"{seed} {number}: {key}", json.dumps(document, indent=1).encode())


def _nodes(value: Any) -> Iterator[tuple[Any, Any]]:
    """Yield every place in a document: the object or array, and the key or index."""
    if isinstance(value, dict | list):
        for key in list(value) if isinstance(value, dict) else range(len(value)):
            yield value, key
            yield from _nodes(value[key])

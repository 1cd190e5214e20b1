"""`repro-sign inspect`: what is inside an image; decides nothing."""

from pathlib import Path
from typing import Any

import click

from repro_sign.cli.options import json_option, output_options
from repro_sign.cli.progress import progress_of
from repro_sign.escaping import printable
from repro_sign.finding import Finding
from repro_sign.inspecting import Inspection, inspect_image
from repro_sign.report import as_json
from repro_sign.statements.manifest import content_members, image_members
from repro_sign.system.locations import find_locations
from repro_sign.times import readable, rfc3339
from repro_sign.trust.evidence import SignatureEvidence


@click.command("inspect")
@click.argument("image", type=click.Path(path_type=Path))
@click.option(
    "--content-digest",
    is_flag=True,
    help="Show the content digest too: what is inside, whatever the packing and the times.",
)
@json_option
@output_options
def command(*, image: Path, content_digest: bool, json_: bool) -> None:
    """Show what is inside IMAGE and who claims to have signed it.

    This is no verification: nobody is trusted and nothing is decided.
    """
    progress = progress_of("reading")
    found = inspect_image(image, find_locations(), progress, content_digest=content_digest)
    click.echo(as_json.to_text(_document(found)) if json_ else _text(found))


def _text(found: Inspection) -> str:
    record = found.record
    lines = [
        printable(str(found.path)),
        f"  size      {record.size} bytes, {record.arch}, UUID {record.uuid}",
        f"  launch    {printable(found.launch)}",
        f"  sha256    {found.digests[0].hex}",
        f"  blake3    {found.digests[1].hex}",
        f"  identity  {record.identity}",
    ]
    if record.content:
        lines.append(f"  content   content:{record.content.digest}")
        lines += [f"    object {id_}  tree:{digest}" for id_, digest in record.content.trees]
    lines.append("objects")
    for one in record.objects:
        group = f"group {one.group}" if one.group else "no group"
        name = f" {printable(one.name)}" if one.name else ""
        lines.append(f"  {one.id:<3} {group:<9} {one.size:>12} bytes  {one.type}{name}")
    lines.append("signatures (not judged here: repro-sign verify does)")
    lines += [line for one in found.signatures for line in _signature_lines(one)]
    if not found.signatures:
        lines.append("  none")
    lines += [f"manifest  {printable(name)}" for name in found.manifests]
    return "\n".join(lines)


def _signature_lines(one: SignatureEvidence) -> list[str]:
    key = one.signer.grouped() if one.signer else printable(one.claimed or "no key named")
    when = f", {readable(one.signed_at)}" if one.signed_at else ""
    group = f"group {one.group}" if one.group else "no group"
    name = [f"      calls itself {printable(one.user_id)}"] if one.user_id else []
    return [
        f"  {one.object_id:<3} {one.kind}, {group}, {key}{when}",
        *name,
        f"      {_state(one)}",
    ]


def _state(one: SignatureEvidence) -> str:
    if one.finding is Finding.GOOD:
        return "good by the key at hand, which proves nobody's name"
    return f"{one.finding.value}: {printable(one.message)}"


def _document(found: Inspection) -> dict[str, Any]:
    record = found.record
    return {
        "schema": as_json.SCHEMA,
        "path": str(found.path),
        "size": record.size,
        "uuid": record.uuid,
        "arch": record.arch,
        "launch": found.launch,
        "digest": {one.algorithm: one.hex for one in found.digests},
        "identity": str(record.identity),
        "definition": found.definition,
        "manifests": list(found.manifests),
        "objects": image_members(record)["objects"],
        "content": content_members(record.content) if record.content else None,
        "signatures": [
            {
                "object": one.object_id,
                "kind": one.kind,
                "group": one.group,
                "fingerprint": str(one.signer) if one.signer else one.claimed,
                "user_id": one.user_id,
                "signed_at": rfc3339(one.signed_at) if one.signed_at else None,
                "covers": sorted(one.covers),
                "finding": one.finding.value,
                "message": one.message,
            }
            for one in found.signatures
        ],
    }

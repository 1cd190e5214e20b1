"""What a reader has around an image, held against what trusted manifests say of it.

That is this machine, what the reader names (a checkout of the source, result files, the
repository on the network), and the deposit that the image lies in. Nothing is looked at unless a
trusted manifest speaks of it.
"""

from collections.abc import Mapping
from dataclasses import field, replace
from pathlib import Path
from typing import Any

from repro_sign.finding import Finding
from repro_sign.provenance.check import Check
from repro_sign.provenance.deposit_layout import is_deposit
from repro_sign.provenance.difference import MachineRow, compare_machines
from repro_sign.provenance.made_from import read_source
from repro_sign.provenance.parts import Provenance
from repro_sign.trust.evidence import ManifestEvidence, Match
from repro_sign.trust.policy import TrustPolicy
from repro_sign.trust.voices import vouches
from repro_sign.values import dataclass


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What the reader names: a checkout (or the files alone), and a folder with result files.

    With `online` the repository that a manifest names is asked where the signed tag points now.
    This machine is looked at once, when a manifest is the first to describe one; without
    `look_at_machine` only where the policy demands that something is the same.
    """

    source: Path | None = None
    outputs: Path | None = None
    online: bool = False
    look_at_machine: bool = True
    _machine: dict[str, Any] = field(default_factory=dict, repr=False, compare=False)

    def demanded(self, policy: TrustPolicy) -> TrustPolicy:
        """Return the stricter rules: what the reader names has to be as a manifest says."""
        return replace(
            policy,
            require_source=self.source is not None or self.online,
            require_outputs=self.outputs is not None,
        )

    def held_against(
        self, one: ManifestEvidence, policy: TrustPolicy, image: Path
    ) -> ManifestEvidence:
        """Return a manifest with what came of the comparisons, if it vouches for the image."""
        usable = one.finding is Finding.GOOD and one.match is not Match.DIFFERS
        if one.manifest is None or not usable or not vouches(one, policy):
            return one
        parts = one.manifest.provenance
        look = self.look_at_machine or policy.require_same
        source = self._source(parts["source"], image) if parts.get("source") else ()
        outputs = self._outputs(parts["run"]) if "outputs" in parts.get("run", {}) else ()
        if is_deposit(image.parent):
            from repro_sign.provenance import deposit_check  # most images lie in none

            source += tuple(deposit_check.check_source(image.parent, one.manifest))
            if self.outputs is None:
                outputs = deposit_check.check_results(image.parent, one.manifest)
        return replace(
            one,
            machine=self._rows(parts) if look and parts.get("environment") else (),
            source=source,
            outputs=outputs,
        )

    def _rows(self, parts: Provenance) -> tuple[MachineRow, ...]:
        there = parts["environment"]
        self._look_at_machine(there)
        here = {name: value for name, value in self._machine.items() if value is not None}
        return compare_machines(here, there, parts.get("recipe", {}))

    def _look_at_machine(self, there: Mapping[str, Any]) -> None:
        """Find out what the author's machine is compared in, and no more: it may need programs."""
        missing = there.keys() - self._machine.keys()
        if not missing:
            return
        from repro_sign.provenance.machine import describe_machine  # most manifests have none

        found = describe_machine(missing)
        self._machine.update({name: found.get(name) for name in missing})

    def _source(self, source: Mapping[str, Any], image: Path) -> tuple[Check, ...]:
        if self.source is None and not self.online:
            return ()
        from repro_sign.provenance.source_check import check_folder, check_remote

        named = read_source(source)
        local = check_folder(self.source, named, image) if self.source is not None else ()
        return (*local, *(check_remote(named) if self.online else ()))

    def _outputs(self, run: Mapping[str, Any]) -> tuple[Check, ...]:
        if self.outputs is None:
            return ()
        from repro_sign.provenance.output_check import check_outputs

        return check_outputs(self.outputs, run)

"""Molecule: a chemical structure, from a file, from text, or through rdkit."""

from __future__ import annotations

import html
from collections.abc import Mapping
from importlib import import_module
from pathlib import Path
from typing import Any, ClassVar

from runlake.errors import BadValueError, NotSupportedError
from runlake.media.file_media import FileMedia, check_format, content_of, ending_of, is_path, read_path

_CHEMICAL = "chemical/x-"


class Molecule(FileMedia):
    """A chemical structure with a caption.

    `data_or_path` is the path of a file (.pdb, .pqr, .mmcif, .mcif, .cif, .sdf, .sd, .mol, .mol2, .gro, .mmtf,
    .smi), or its text, its bytes or an open one with `file_type`. `from_rdkit` and `from_smiles` make one of what rdkit
    knows. Content is kept as it is and not checked. Raises `BadValueError`.
    """

    __slots__ = ()

    TYPE, LIST_TYPE, LIST_NAME, FOLDER = "molecule-file", "molecule", "molecules", "molecule"
    FORMATS: ClassVar[Mapping[str, str]] = {
        "pdb": f"{_CHEMICAL}pdb",
        "pqr": f"{_CHEMICAL}pqr",
        "mmcif": f"{_CHEMICAL}mmcif",
        "mcif": f"{_CHEMICAL}mmcif",
        "cif": f"{_CHEMICAL}cif",
        "sdf": f"{_CHEMICAL}mdl-sdfile",
        "sd": f"{_CHEMICAL}mdl-sdfile",
        "mol": f"{_CHEMICAL}mdl-molfile",
        "mol2": f"{_CHEMICAL}mol2",
        "gro": f"{_CHEMICAL}gromos",
        "mmtf": f"{_CHEMICAL}mmtf",
        "smi": "chemical/x-daylight-smiles",
    }

    def __init__(self, data_or_path: Any, caption: str | None = None, file_type: str | None = None) -> None:
        if isinstance(data_or_path, str) and file_type is not None and not _names_a_file(data_or_path):
            content, ending = data_or_path.encode(), check_format(file_type, "a molecule as text", self.FORMATS)
        elif is_path(data_or_path):
            if isinstance(data_or_path, str) and "\n" in data_or_path:
                raise BadValueError(
                    f"a molecule as text was given without its kind; say file_type=, one of {', '.join(self.FORMATS)}"
                )
            content, ending = read_path(data_or_path, "a molecule", self.FORMATS)
        elif (given := content_of(data_or_path)) is not None:
            content, ending = given, check_format(file_type, "a molecule as bytes", self.FORMATS, data_or_path)
        else:
            raise BadValueError(
                f"a molecule cannot be made of a {type(data_or_path).__module__}.{type(data_or_path).__qualname__}; "
                "give a path, text with file_type=, or Molecule.from_rdkit(mol)"
            )
        self._set(content, ending, caption, {})

    @classmethod
    def from_rdkit(
        cls,
        data_or_path: Any,
        caption: str | None = None,
        convert_to_3d_and_optimize: bool = True,
        mmff_optimize_molecule_max_iterations: int = 200,
    ) -> Molecule:
        """A molecule of rdkit, or the path of a .mol or .sdf file read by it; stored as PDB.

        With `convert_to_3d_and_optimize` it gets hydrogens and a shape in space, found with a fixed seed.
        Needs rdkit: `NotSupportedError` without it.
        """
        chem, all_chem = _import_rdkit("Molecule.from_rdkit")
        molecule = data_or_path
        if is_path(data_or_path):
            _, ending = read_path(data_or_path, "a molecule", {"mol": "", "sdf": ""})
            read = chem.MolFromMolFile if ending == "mol" else lambda path: next(iter(chem.SDMolSupplier(path)), None)
            molecule = read(str(data_or_path))
        if not isinstance(molecule, chem.Mol):
            raise BadValueError(f"rdkit finds no molecule in {data_or_path!r:.200}; give a Mol, a .mol or an .sdf file")
        if convert_to_3d_and_optimize:
            molecule = chem.AddHs(molecule)
            if all_chem.EmbedMolecule(molecule, randomSeed=0) != 0:
                raise BadValueError(
                    "rdkit finds no shape in space for the molecule; pass convert_to_3d_and_optimize=False"
                )
            all_chem.MMFFOptimizeMolecule(molecule, maxIters=mmff_optimize_molecule_max_iterations)
        return cls(chem.MolToPDBBlock(molecule), caption=caption, file_type="pdb")

    @classmethod
    def from_smiles(
        cls,
        data: str,
        caption: str | None = None,
        sanitize: bool = True,
        convert_to_3d_and_optimize: bool = True,
        mmff_optimize_molecule_max_iterations: int = 200,
    ) -> Molecule:
        """The molecule that a SMILES string describes; without rdkit the string itself, which logging then says.

        Otherwise as `from_rdkit`.
        """
        try:
            chem, _ = _import_rdkit("Molecule.from_smiles")
        except NotSupportedError as error:
            kept = cls(data, caption=caption, file_type="smi")
            kept._note = f"{error}. The SMILES string was kept"
            return kept
        molecule = chem.MolFromSmiles(data, sanitize=sanitize)
        if molecule is None:
            raise BadValueError(f"rdkit cannot read the SMILES string {data!r}; check it, or pass sanitize=False")
        return cls.from_rdkit(molecule, caption, convert_to_3d_and_optimize, mmff_optimize_molecule_max_iterations)

    @property
    def text(self) -> str:
        """The structure as text; `NotSupportedError` for .mmtf, which is binary."""
        if self.format == "mmtf":
            raise NotSupportedError("an mmtf file is binary; its bytes are in `.content`")
        return self.content.decode(errors="replace")

    def _repr_html_(self) -> str:
        return self._figure(f"<code>{html.escape(f'{self.format}, {len(self.content)} bytes')}</code>")


def _names_a_file(text: str) -> bool:
    if "\n" in text or "\0" in text or ending_of(text, Molecule.FORMATS) is None:
        return False
    try:
        return Path(text).is_file()
    except OSError:  # too long for a name: then it is text
        return False


def _import_rdkit(what: str) -> tuple[Any, Any]:
    try:
        return import_module("rdkit.Chem"), import_module("rdkit.Chem.AllChem")
    except ImportError:
        raise NotSupportedError(
            f"{what} needs rdkit, which is not installed; run: pip install rdkit, or give a file of a known kind"
        ) from None

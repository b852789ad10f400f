import io
import sys

import pytest

from runlake.errors import BadValueError, NotSupportedError, RunlakeWarning
from runlake.media.convert import convert_value
from runlake.media.left_out import strictly
from runlake.media.molecule import Molecule
from runlake.media.read import read_media

WATER = """HETATM    1  O   HOH A   1       0.000   0.000   0.000  1.00  0.00           O
END
"""


def test_the_stored_form_of_a_molecule(files):
    value = Molecule(WATER, caption="water", file_type="pdb").stored(files.write, "val/mol", 3)
    assert value == {
        "_type": "molecule-file",
        "path": f"media/molecule/val/mol_3_{value['sha256'][:20]}.pdb",
        "sha256": value["sha256"],
        "size": len(WATER),
        "format": "pdb",
        "caption": "water",
    }
    assert files == {value["path"]: WATER.encode()}


def test_a_molecule_comes_back_as_it_went_in(files):
    value = Molecule(WATER, caption="water", file_type=".PDB").stored(files.write, "k", 0)
    found = read_media(value, files.open)
    assert (found.text, found.caption, found.format) == (WATER, "water", "pdb")
    assert found.stored(files.write, "k", 0) == value


@pytest.mark.parametrize("ending", ["pdb", "pqr", "mmcif", "mcif", "cif", "sdf", "sd", "mol", "mol2", "gro"])
def test_a_molecule_can_be_given_as_path_file_or_bytes(tmp_path, ending):
    path = tmp_path / f"water.{ending}"
    path.write_text(WATER)
    made = [
        Molecule(path),
        Molecule(str(path)),
        Molecule(io.StringIO(WATER), file_type=ending),
        Molecule(WATER.encode(), file_type=ending),
    ]
    assert [(one.text, one.format) for one in made] == [(WATER, ending)] * 4


def test_a_path_wins_over_text_that_is_its_name(tmp_path, monkeypatch):
    (tmp_path / "water.pdb").write_text(WATER)
    monkeypatch.chdir(tmp_path)
    assert Molecule("water.pdb", file_type="pdb").text == WATER
    assert Molecule("no such file.pdb", file_type="pdb").text == "no such file.pdb"
    assert Molecule("x" * 5000 + ".pdb", file_type="pdb").text == "x" * 5000 + ".pdb"


def test_several_molecules_are_stored_as_one_value(files):
    value = convert_value([Molecule("a", file_type="mol"), Molecule("b", file_type="mol")], files.write, "k", 0)
    assert (value["_type"], value["count"]) == ("molecule", 2)
    assert [found.text for found in read_media(value, files.open)] == ["a", "b"]


@pytest.mark.parametrize(
    ("data", "options", "message"),
    [
        (WATER, {}, "text was given without its kind"),
        (WATER, {"file_type": "xyz"}, "kind 'xyz'"),
        ("water.txt", {}, "ends in none of pdb"),
        ("missing.pdb", {}, "No such file"),
        (b"", {}, "without saying its kind"),
        (5, {}, "made of a builtins.int"),
    ],
)
def test_what_is_no_molecule_is_refused(data, options, message):
    with pytest.raises(BadValueError, match=message):
        Molecule(data, **options)


def test_binary_structures_have_no_text():
    with pytest.raises(NotSupportedError, match="mmtf file is binary"):
        _ = Molecule(b"\0", file_type="mmtf").text


def test_without_rdkit_smiles_are_kept_as_they_are_and_the_rest_is_named(files, monkeypatch):
    monkeypatch.setitem(sys.modules, "rdkit", None)
    water = Molecule.from_smiles("O", caption="water")
    with pytest.warns(RunlakeWarning, match=r"from_smiles needs rdkit.*The SMILES string was kept"):
        value = water.stored(files.write, "k", 0)
    assert (value["format"], value["caption"], files[value["path"]]) == ("smi", "water", b"O")
    with pytest.raises(NotSupportedError, match="needs rdkit"), strictly(True):
        water.stored(files.write, "k", 0)
    with pytest.raises(NotSupportedError, match=r"Molecule\.from_rdkit needs rdkit"):
        Molecule.from_rdkit(object())


@pytest.mark.integration
def test_rdkit_makes_molecules(tmp_path):
    chem = pytest.importorskip("rdkit.Chem")
    water = Molecule.from_smiles("O", caption="water")
    assert (water.format, water.caption, water.text.count("HETATM")) == ("pdb", "water", 3)
    assert Molecule.from_smiles("O").content == water.content
    flat = Molecule.from_rdkit(chem.MolFromSmiles("CO"), convert_to_3d_and_optimize=False)
    assert flat.text.count("HETATM") == 2
    path = tmp_path / "m.mol"
    path.write_text(chem.MolToMolBlock(chem.MolFromSmiles("CO")))
    assert Molecule.from_rdkit(path, convert_to_3d_and_optimize=False).text.count("HETATM") == 2
    with pytest.raises(BadValueError, match="SMILES"):
        Molecule.from_smiles("no smiles")
    with pytest.raises(BadValueError, match="no molecule"):
        Molecule.from_rdkit(5)


def test_the_notebook_says_what_it_is():
    assert "pdb, 3 bytes" in Molecule("abc", file_type="pdb")._repr_html_()

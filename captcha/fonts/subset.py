"""Reduces the open fonts to the captcha alphabet: `python3 subset.py PATH_TO_NODE_MODULES` (see README.md)."""

import re
import sys
from pathlib import Path

from fontTools import subset
from fontTools.ttLib import TTFont

HERE = Path(__file__).parent
# npm package under @fontsource, weight.
FONTS = [
    ("bitter", 800),
    ("courier-prime", 700),
    ("grandstander", 700),
    ("nunito", 800),
    ("open-sans", 700),
    ("piazzolla", 800),
    ("roboto-slab", 700),
    ("rubik", 700),
]


def alphabet() -> str:
    """The characters drawn, read from where the crate defines them."""
    source = (HERE / "../src/alphabet.rs").read_text()
    return re.search(r'pub const ALPHABET: &str = "(\w+)"', source)[1]


def reduce(package: Path, weight: int) -> None:
    """Writes NAME-WEIGHT.ttf and NAME.LICENSE.txt beside this file: outlines only, no hints, no layout features."""
    name = package.name
    font = TTFont(package / "files" / f"{name}-latin-{weight}-normal.woff")
    options = subset.Options(hinting=False, layout_features=[], notdef_outline=False, name_IDs=[0, 1, 2, 13, 14])
    options.drop_tables += ["GSUB", "GPOS", "GDEF", "STAT", "DSIG", "gasp", "meta"]
    subsetter = subset.Subsetter(options)
    subsetter.populate(text=alphabet())
    subsetter.subset(font)
    font.flavor = None
    font["head"].modified = font["head"].created  # the same input gives the same bytes
    font.recalcTimestamp = False
    font.save(HERE / f"{name}-{weight}.ttf")
    (HERE / f"{name}.LICENSE.txt").write_text((package / "LICENSE").read_text().strip() + "\n")


for name, weight in FONTS:
    reduce(Path(sys.argv[1]) / "@fontsource" / name, weight)

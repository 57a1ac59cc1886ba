#!/bin/sh
# Tesseract as a solver for `parallax scoreboard`: names of PNG files on standard input, a line of text for each.
#
#     parallax scoreboard --solver-cmd 'tesseract=sh tests/solvers/tesseract.sh'
#
# One process for all of them: loading its model takes longer than reading a captcha.
set -eu
characters=ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789
export OMP_THREAD_LIMIT=1
folder=$(mktemp -d)
trap 'rm -r "$folder"' EXIT
cat >"$folder/names"
tesseract "$folder/names" "$folder/texts" --psm 7 -c "tessedit_char_whitelist=$characters" -c page_separator='|'
# A text is a line, or nothing where none was found; between two of them is a separator.
tr -d '\n' <"$folder/texts.txt" | tr '|' '\n'
echo

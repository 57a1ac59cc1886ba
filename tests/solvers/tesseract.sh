#!/bin/sh
# Tesseract as a solver for `parallax scoreboard`: names of PNG files on standard input, a line of text for each.
#
#     parallax scoreboard --solver-cmd 'tesseract=sh tests/solvers/tesseract.sh'
characters=ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789
while read -r name; do
    OMP_THREAD_LIMIT=1 tesseract "$name" - --psm 7 -c "tessedit_char_whitelist=$characters" 2>/dev/null | tr -d '\n\f' || exit 1
    echo
done

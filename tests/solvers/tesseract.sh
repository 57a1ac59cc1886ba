#!/bin/sh
# Tesseract as a solver for `parallax scoreboard`: names of PNG files on standard input, a line of text for each.
#
#     parallax scoreboard --solver-cmd 'tesseract=sh tests/solvers/tesseract.sh'
characters=ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789
export OMP_THREAD_LIMIT=1
while read -r name; do
    text=$(tesseract "$name" - --psm 7 -c "tessedit_char_whitelist=$characters") || exit 1
    printf '%s' "$text" | tr -d '\n\f'
    echo
done

#!/bin/sh
# Tesseract 5 as a solver for `parallax scoreboard`: names of PNG files on standard input, a line of text for each.
#
#     parallax scoreboard --solver-cmd 'tesseract=sh tests/solvers/tesseract.sh'
#
# One process for all of them: loading its model takes longer than reading a captcha. Its LSTM alone (--oem 1), which
# remembers nothing of the captcha before.
set -eu
characters=ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789
export OMP_THREAD_LIMIT=1
texts=$(tesseract - - --oem 1 --psm 7 -c stream_filelist=true -c "tessedit_char_whitelist=$characters")
# A text is a line, or nothing where none was found; a form feed stands between two.
printf '%s' "$texts" | tr -d '\n' | tr '\f' '\n'
echo

"""PP-OCR as a solver for `parallax scoreboard`: names of PNG files on standard input, a line of text for each.

Recognition only: a captcha is one line of text, and the detector would only lose it.

    pip install rapidocr-onnxruntime==1.4.4
    parallax scoreboard --solver-cmd 'ppocr=python tests/solvers/ppocr.py'
"""

import logging
import sys

import cv2
from rapidocr_onnxruntime import RapidOCR


def main() -> None:
    logging.disable(logging.WARNING)
    engine = RapidOCR()
    for name in sys.stdin:
        image = cv2.imread(name.rstrip("\n"))
        if image is None:
            sys.exit(f"cannot read {name!r}")
        lines, _ = engine(image, use_det=False, use_cls=False)
        print("".join(line[0] for line in lines or []).replace("\n", ""))


if __name__ == "__main__":
    main()

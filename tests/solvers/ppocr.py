"""PP-OCR as a solver for `parallax scoreboard`: names of PNG files on standard input, a line of text for each.

Recognition only: a captcha is one line of text, and the detector would only lose it. A process for each core, with one
thread each: ONNX Runtime's own threads take more than twice the CPU for pictures as small as these.

    pip install rapidocr-onnxruntime==1.4.4
    parallax scoreboard --solver-cmd 'ppocr=python tests/solvers/ppocr.py'
"""

import logging
import sys
from functools import cache
from multiprocessing import Pool

import cv2
from rapidocr_onnxruntime import RapidOCR


@cache
def engine() -> RapidOCR:
    """This process's, loaded when it is first asked."""
    logging.disable(logging.WARNING)
    cv2.setNumThreads(1)
    return RapidOCR(intra_op_num_threads=1, inter_op_num_threads=1)


def read(name: str) -> str:
    image = cv2.imread(name)
    if image is None:
        raise ValueError(f"cannot read {name!r}")
    lines, _ = engine()(image, use_det=False, use_cls=False)
    return "".join(line[0] for line in lines or []).replace("\n", "")


def main() -> None:
    names = [line.rstrip("\n") for line in sys.stdin]
    # What cannot be read is the last line on standard error.
    with Pool() as pool:
        for text in pool.imap(read, names, chunksize=16):
            print(text)


if __name__ == "__main__":
    main()

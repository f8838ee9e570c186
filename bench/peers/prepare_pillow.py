"""A straightforward Pillow script for what `greedynas prepare` does to images: 2 processes, shorter side reduced, JPEG of quality 90.

    time python prepare_pillow.py SOURCE OUT SHORTER_SIDE
"""
import multiprocessing
import pathlib
import sys

from PIL import Image

source, out, side = pathlib.Path(sys.argv[1]), pathlib.Path(sys.argv[2]), int(sys.argv[3])


def convert(path):
    image = Image.open(path)
    image = image if image.mode == 'L' else image.convert('RGB')
    width, height = image.size
    scale = side / min(width, height)
    if scale < 1:
        image = image.resize((round(width * scale), round(height * scale)), Image.Resampling.LANCZOS)
    target = out / path.relative_to(source)
    target.parent.mkdir(parents=True, exist_ok=True)
    image.save(target, 'JPEG', quality=90)


if __name__ == '__main__':
    with multiprocessing.Pool(2) as pool:
        pool.map(convert, sorted(path for path in source.rglob('*') if path.is_file()), chunksize=16)

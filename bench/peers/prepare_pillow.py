"""A straightforward Pillow script for what `greedynas prepare` does to images: 2 processes, shorter side reduced, JPEG of quality 90.

    time python prepare_pillow.py SOURCE OUT SHORTER_SIDE

With `keep` in place of the side, images are decoded to see that they are whole, and their bytes copied.
"""
import multiprocessing
import pathlib
import shutil
import sys

from PIL import Image

source, out, side = pathlib.Path(sys.argv[1]), pathlib.Path(sys.argv[2]), sys.argv[3]


def convert(path):
    image = Image.open(path)
    target = out / path.relative_to(source)
    target.parent.mkdir(parents=True, exist_ok=True)
    if side == 'keep':
        image.load()
        shutil.copyfile(path, target)
        return
    image = image if image.mode == 'L' else image.convert('RGB')
    width, height = image.size
    scale = int(side) / min(width, height)
    if scale < 1:
        image = image.resize((round(width * scale), round(height * scale)), Image.Resampling.LANCZOS)
    image.save(target, 'JPEG', quality=90)


if __name__ == '__main__':
    with multiprocessing.Pool(2) as pool:
        pool.map(convert, sorted(path for path in source.rglob('*') if path.suffix.lower() in ('.jpeg', '.jpg', '.png')), chunksize=16)

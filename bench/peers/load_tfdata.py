"""Images/s of tf.data from Python on TFRecord shards: decode the crop, resize, flip, batch, prefetch; 2 threads.

    python load_tfdata.py SHARD_PATTERN SIDE BATCH EPOCHS
"""
import glob
import os
import sys
import time

os.environ.setdefault('TF_CPP_MIN_LOG_LEVEL', '2')
import tensorflow as tf  # noqa: E402

pattern, side, batch, epochs = sys.argv[1], int(sys.argv[2]), int(sys.argv[3]), int(sys.argv[4])
least = 0.08 if side > 96 else 0.25
features = {'image/encoded': tf.io.FixedLenFeature([], tf.string), 'image/class/label': tf.io.FixedLenFeature([], tf.int64)}


def present(record):
    example = tf.io.parse_single_example(record, features)
    encoded = example['image/encoded']
    begin, size, _ = tf.image.sample_distorted_bounding_box(
        tf.io.extract_jpeg_shape(encoded), tf.zeros([0, 0, 4]), area_range=(least, 1), aspect_ratio_range=(3 / 4, 4 / 3),
        max_attempts=10, use_image_if_no_bounding_boxes=True,
    )
    window = tf.concat([begin[:2], size[:2]], 0)
    image = tf.image.decode_and_crop_jpeg(encoded, window, channels=3, fancy_upscaling=False, dct_method='INTEGER_FAST')
    image = tf.image.random_flip_left_right(tf.image.resize(image, [side, side]))
    return tf.cast(image + 0.5, tf.uint8), example['image/class/label']


data = tf.data.TFRecordDataset(sorted(glob.glob(pattern))).shuffle(1024).map(present, num_parallel_calls=2)
data = data.batch(batch, drop_remainder=True).prefetch(3)
options = tf.data.Options()
options.threading.private_threadpool_size = 2
data = data.with_options(options)
for _ in data:
    pass
start = time.perf_counter()
images = sum(int(labels.shape[0]) for _ in range(epochs) for _, labels in data)
print(images / (time.perf_counter() - start))

/** Images as `tf.train.Example` records, under the names of the fields that TensorFlow's own ImageNet shards have. */
import tfrecord from 'tfrecord';
import { GreedynasError } from '../errors.ts';

/** What a record says of an image. */
export interface ImageExample {
  /** The JPEG. */
  readonly encoded: Uint8Array;
  readonly height: number;
  readonly width: number;
  /** 3 or 1. */
  readonly channels: number;
  /** Class index from 0; TensorFlow's ImageNet shards count from 1, as theirs have a background class. */
  readonly label: number;
  /** The class' folder name: ImageNet's synset. */
  readonly synset: string;
  /** The class' name for people. */
  readonly text: string;
  /** The file that it comes from, without its folders. */
  readonly filename: string;
}

/** The bytes of the record. The order of the fields is fixed, so that equal images give equal bytes. */
export function encodeExample(image: ImageExample): Uint8Array {
  const builder = tfrecord.createBuilder();
  builder.setBinary('image/encoded', image.encoded);
  builder.setBinary('image/format', Buffer.from('JPEG'));
  builder.setInteger('image/height', image.height);
  builder.setInteger('image/width', image.width);
  builder.setInteger('image/channels', image.channels);
  builder.setBinary('image/colorspace', Buffer.from(image.channels === 1 ? 'Grayscale' : 'RGB'));
  builder.setInteger('image/class/label', image.label);
  builder.setBinary('image/class/synset', Buffer.from(image.synset));
  builder.setBinary('image/class/text', Buffer.from(image.text));
  builder.setBinary('image/filename', Buffer.from(image.filename));
  return tfrecord.Example.encode(builder.releaseExample()).finish();
}

/**
 * The encoded image of a record.
 *
 * @param where names the record in a message
 * @throws GreedynasError `io` if the record is no Example, or has no image
 */
export function decodeImage(record: Uint8Array, where: string): Buffer {
  const refuse = (problem: string, cause?: unknown): GreedynasError =>
    new GreedynasError('io', `${where} ${problem}; prepare the data set again`, { cause });
  let example: ReturnType<typeof tfrecord.Example.decode>;
  try {
    example = tfrecord.Example.decode(record);
  } catch (error) {
    throw refuse('is no tf.train.Example', error);
  }
  const features = example.features?.feature;
  // Own fields alone: a record may have a feature named `__proto__`.
  const field = features != null && Object.hasOwn(features, 'image/encoded') ? features['image/encoded'] : null;
  const encoded = field?.bytesList?.value?.[0];
  if (encoded == null) throw refuse('has no "image/encoded"');
  return Buffer.from(encoded);
}

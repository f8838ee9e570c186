/**
 * Reads the tensors of a TensorFlow checkpoint without TensorFlow: an index in LevelDB's table format (names, sorted, each
 * with a BundleEntryProto of tensorflow/core/protobuf/tensor_bundle.proto) and one file of raw values.
 */
import { readFileSync } from 'node:fs';
import protobuf from 'protobufjs';

/** The footer: handles of two blocks, padded to 40 bytes, then the magic number. */
const footerBytes = 48;
const magic = 0xdb4775248b80fb57n;

const BundleEntry = protobuf
  .parse(
    'syntax = "proto3"; message BundleEntry { int32 dtype = 1; int32 shard_id = 3; int32 offset = 4; int32 size = 5; }',
  )
  .root.lookupType('BundleEntry');

/** The raw bytes of every tensor by its name, in the order of the index. */
export function checkpointTensors(prefix: string): Map<string, Buffer> {
  const index = readFileSync(`${prefix}.index`);
  const data = readFileSync(`${prefix}.data-00000-of-00001`);
  const footer = index.subarray(-footerBytes);
  if (footer.readBigUInt64LE(40) !== magic) throw new Error(`${prefix}.index is no table`);
  const handles = protobuf.Reader.create(footer);
  handles.uint32();
  handles.uint32();
  const tensors = new Map<string, Buffer>();
  for (const [, handle] of blockEntries(index, handles)) {
    for (const [name, value] of blockEntries(index, protobuf.Reader.create(handle))) {
      // The entry without a name is the header.
      if (name === '') continue;
      const { offset, size } = BundleEntry.toObject(BundleEntry.decode(value), { defaults: true });
      tensors.set(name, data.subarray(offset, offset + size));
    }
  }
  return tensors;
}

/** Keys and values of the block that a handle (offset and size) points to; keys share prefixes with the ones before. */
function* blockEntries(table: Buffer, handle: protobuf.Reader): Generator<[string, Buffer]> {
  const start = handle.uint32();
  const block = table.subarray(start, start + handle.uint32());
  const restarts = block.readUInt32LE(block.length - 4);
  const reader = protobuf.Reader.create(block.subarray(0, block.length - 4 * (restarts + 1)));
  let key = Buffer.alloc(0);
  while (reader.pos < reader.len) {
    const [shared, own, size] = [reader.uint32(), reader.uint32(), reader.uint32()];
    key = Buffer.concat([key.subarray(0, shared), block.subarray(reader.pos, reader.pos + own)]);
    reader.skip(own);
    const value = block.subarray(reader.pos, reader.pos + size);
    reader.skip(size);
    yield [key.toString(), value];
  }
}

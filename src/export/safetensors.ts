/** The safetensors format (huggingface/safetensors): a JSON header with types, shapes and offsets, then the values. */
import { bytesOf } from './layout.ts';
import type { WeightTensor } from './program.ts';

/** The bytes of a file with these float32 tensors, in their order. `metadata` is text by key. */
export function encodeSafetensors(
  tensors: ReadonlyMap<string, WeightTensor>,
  metadata: Readonly<Record<string, string>>,
): Uint8Array {
  const header: Record<string, unknown> = { __metadata__: metadata };
  let end = 0;
  for (const [name, { shape, values }] of tensors) {
    const start = end;
    end += values.byteLength;
    header[name] = { dtype: 'F32', shape: [...shape], data_offsets: [start, end] };
  }
  const text = Buffer.from(JSON.stringify(header));
  // Spaces up to a multiple of 8, so that the values are aligned.
  const headerBytes = Math.ceil(text.length / 8) * 8;
  const file = Buffer.alloc(8 + headerBytes + end, ' ');
  file.writeBigUInt64LE(BigInt(headerBytes));
  text.copy(file, 8);
  let offset = 8 + headerBytes;
  for (const { values } of tensors.values()) {
    file.set(bytesOf(values), offset);
    offset += values.byteLength;
  }
  return file;
}

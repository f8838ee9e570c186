import { mkdtemp, open, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { crc32c, maskedCrc32c } from '../../src/data/crc32c.ts';
import { frameRecord, readRecord, readRecords } from '../../src/data/tfrecord.ts';
import { isRecordDamaged } from '../../src/data/unreadable.ts';
import { createStream } from '../../src/random/stream.ts';
import { rejection } from '../training/temporary.ts';

describe('crc32c', () => {
  it('is that of RFC 3720, appendix B.4', () => {
    expect(crc32c(new Uint8Array(32))).to.equal(0x8a9136aa);
    expect(crc32c(new Uint8Array(32).fill(0xff))).to.equal(0x62a8ab43);
    expect(crc32c(Uint8Array.from({ length: 32 }, (_, index) => index))).to.equal(0x46dd794e);
    expect(crc32c(Buffer.from('123456789'))).to.equal(0xe3069283);
    expect(crc32c(new Uint8Array(0))).to.equal(0);
  });

  it('is the same in steps of eight bytes and of one', () => {
    const bytes = Buffer.from('a text of some length, whose end is no multiple of eight');
    const bitwise = bytes.reduce((crc, byte) => {
      let next = crc ^ byte;
      for (let bit = 0; bit < 8; bit++) next = next & 1 ? (next >>> 1) ^ 0x82f63b78 : next >>> 1;
      return next;
    }, 0xffffffff);
    expect(crc32c(bytes)).to.equal((bitwise ^ 0xffffffff) >>> 0);
  });
});

describe('TFRecord files', () => {
  let folder: string;
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'greedynas-tfrecord-'));
  });
  afterEach(() => rm(folder, { recursive: true, force: true }));

  const stream = createStream(5, 'records');
  const payloads = [0, 1, 7, 300].map((length) => Buffer.from(Array.from({ length }, () => stream.integer(256))));
  const whole = Buffer.concat(payloads.map(frameRecord));
  const readAll = async (file: string) => {
    const found: Buffer[] = [];
    for await (const { data } of readRecords(file)) found.push(data);
    return found;
  };

  it('has the bytes that TensorFlow writes', () => {
    // tf.io.TFRecordWriter of TensorFlow 2.21 for the one record b'abc'.
    expect(frameRecord(Buffer.from('abc')).toString('hex')).to.equal('0300000000000000b099490e6162636e57f121');
  });

  it('comes back as it was written, in order and by offset', async () => {
    const file = join(folder, 'a.tfrecord');
    await writeFile(file, whole);
    expect(await readAll(file)).to.deep.equal(payloads);
    const handle = await open(file);
    try {
      const offset = payloads[0]!.length + payloads[1]!.length + 32;
      expect((await readRecord(handle, file, offset, 2))?.data).to.deep.equal(payloads[2]);
      expect(await readRecord(handle, file, whole.length, 4)).to.equal(null);
    } finally {
      await handle.close();
    }
  });

  it('finds 1,000 random flips of a byte, and names file, record and byte', async () => {
    const file = join(folder, 'a.tfrecord');
    const flips = createStream(6, 'flips');
    const starts = payloads.map((_, index) =>
      payloads.slice(0, index).reduce((sum, each) => sum + each.length + 16, 0),
    );
    const handle = await open(file, 'w+');
    try {
      for (let trial = 0; trial < 1000; trial++) {
        const place = flips.integer(whole.length);
        const damaged = Buffer.from(whole);
        damaged[place]! ^= 1 + flips.integer(255);
        await handle.write(damaged, 0, damaged.length, 0);
        const record = starts.findLastIndex((start) => start <= place);
        let failure: unknown = null;
        try {
          for (let number = 0; number < payloads.length; number++)
            await readRecord(handle, file, starts[number]!, number);
        } catch (error) {
          failure = error;
        }
        expect(String(failure), `byte ${place}`).to.include(
          `a.tfrecord: record ${record} at byte ${starts[record]} is damaged`,
        );
      }
    } finally {
      await handle.close();
    }
  });

  it('says where a file is cut off', async () => {
    const file = join(folder, 'a.tfrecord');
    for (const [bytes, what] of [
      [whole.length - 1, 'the file ends within it: 303 of 304 bytes'],
      [whole.length - 310, 'the file ends within its header, after 6 bytes'],
    ] as const) {
      await writeFile(file, whole.subarray(0, bytes));
      expect((await rejection(readAll(file))).message).to.include(what);
    }
  });

  it('does not take memory for a length that nothing has', async () => {
    const header = Buffer.alloc(12);
    header.writeBigUInt64LE(2n ** 40n);
    header.writeUInt32LE(maskedCrc32c(header.subarray(0, 8)), 8);
    const file = join(folder, 'a.tfrecord');
    await writeFile(file, header);
    expect((await rejection(readAll(file))).message).to.include('it claims 1099511627776 bytes');
  });

  it('does not take memory for a length that the file does not have', async () => {
    const header = Buffer.alloc(12 + 50);
    header.writeBigUInt64LE(2n ** 29n);
    header.writeUInt32LE(maskedCrc32c(header.subarray(0, 8)), 8);
    const file = join(folder, 'a.tfrecord');
    await writeFile(file, header);
    const before = process.memoryUsage().arrayBuffers;
    const { message } = await rejection(readAll(file));
    expect(message).to.include('the file ends within it: 50 of 536870916 bytes are there');
    expect(process.memoryUsage().arrayBuffers - before).to.be.below(2 ** 28);
    // The same for one that the graph could not read.
    expect(isRecordDamaged(file, 0)).to.equal(true);
    header.writeBigUInt64LE(2n ** 63n);
    header.writeUInt32LE(maskedCrc32c(header.subarray(0, 8)), 8);
    await writeFile(file, header);
    expect(isRecordDamaged(file, 0)).to.equal(true);
    await writeFile(file, whole);
    expect(isRecordDamaged(file, 0)).to.equal(false);
  });

  it('reads a record beyond 4 GB', async () => {
    // Sparse: 5 GB on paper, a few blocks on the disk.
    const file = join(folder, 'large.tfrecord');
    const offset = 5 * 2 ** 30 + 3;
    const record = frameRecord(Buffer.from('far away'));
    const handle = await open(file, 'w+');
    try {
      await handle.write(record, 0, record.length, offset);
      const found = await readRecord(handle, file, offset, 7);
      expect(found?.data.toString()).to.equal('far away');
      expect(await readRecord(handle, file, offset + record.length, 8)).to.equal(null);
      const error = await rejection(readRecord(handle, file, offset + 1, 7));
      expect(error.message).to.include(`record 7 at byte ${offset + 1} is damaged`);
    } finally {
      await handle.close();
    }
  });
});

import { gzipSync } from 'node:zlib';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { byteSource } from './bytes.js';
import { CUT_SHORT, INVALID_UTF8, readLines, TOO_LONG } from './lines.js';

async function* pieces(bytes: Buffer, size: number) {
  for (let i = 0; i < bytes.length; i += size) yield await Promise.resolve(bytes.subarray(i, i + size));
}
async function read(bytes: Buffer, size = 7, longest?: number): Promise<string[]> {
  const lines: string[] = [];
  for await (const block of readLines(byteSource(pieces(bytes, size)), longest)) {
    expect(block.first).toBe(lines.length + 1);
    lines.push(...block.lines);
  }
  return lines;
}

describe('lines of an input', () => {
  it('are the same however the bytes are cut, packed or not', async () => {
    const text = fc.array(fc.string({ unit: fc.constantFrom('a', 'ü', '漢', '🎈', '"', ','), maxLength: 12 }), {
      minLength: 1,
      maxLength: 12,
    });
    await fc.assert(
      fc.asyncProperty(
        text,
        fc.integer({ min: 1, max: 40 }),
        fc.boolean(),
        fc.boolean(),
        async (lines, size, packed, mark) => {
          const written = lines.at(-1) === '' ? [...lines, 'end'] : lines;
          const bytes = Buffer.from((mark ? '\uFEFF' : '') + written.join('\n'));
          expect(await read(packed ? gzipSync(bytes) : bytes, size)).toEqual(written);
        },
      ),
      { seed: 7, numRuns: 300 },
    );
  });

  it('end with or without a line feed, and an empty input has none', async () => {
    expect(await read(Buffer.from('a\nb\n'))).toEqual(['a', 'b']);
    expect(await read(Buffer.from('a\nb'))).toEqual(['a', 'b']);
    expect(await read(Buffer.from('a\n\nb'))).toEqual(['a', '', 'b']);
    expect(await read(Buffer.alloc(0))).toEqual([]);
  });

  it('that are not UTF-8 are marked, and their neighbours are read', async () => {
    const bytes = Buffer.concat([Buffer.from('good\n'), Buffer.from([0x61, 0xff, 0x0a]), Buffer.from('ü\n')]);
    for (const size of [1, 3, 100]) {
      const lines = await read(bytes, size);
      expect(lines[0]).toBe('good');
      expect(lines[1]?.startsWith(INVALID_UTF8)).toBe(true);
      expect(lines[2]).toBe('ü');
    }
  });

  it('that are too long are marked with an excerpt and not kept', async () => {
    const bytes = Buffer.from(`short\n${'x'.repeat(5000)}\nshort again\n`);
    for (const size of [1, 64, 10_000]) {
      const lines = await read(bytes, size, 1000);
      expect(lines.map((line) => line.slice(0, 4))).toEqual(['shor', `${TOO_LONG}xxx`, 'shor']);
      expect(lines[1]!.length).toBeLessThan(300);
    }
  });

  it('before the end of a truncated gzip are read, then a mark says why it ended', async () => {
    const written = Array.from({ length: 20_000 }, (_, i) => `line ${i} ${(i * 7919) % 104729}`);
    const packed = gzipSync(written.join('\n'));
    const lines = await read(packed.subarray(0, packed.length - 2000), 1024);
    expect(lines.length).toBeGreaterThan(10_000);
    expect(lines.at(-1)?.startsWith(CUT_SHORT)).toBe(true);
    expect(lines.slice(0, -1)).toEqual(written.slice(0, lines.length - 1));
  });

  it('before damage inside a gzip are read as well', async () => {
    const packed = gzipSync(Array.from({ length: 50_000 }, (_, i) => `${(i * 7919) % 104729}`).join('\n'));
    packed.fill(0xff, 60_000, 60_064);
    const lines = await read(packed, 4096);
    expect(lines.length).toBeGreaterThan(100);
    expect(lines.at(-1)?.startsWith(CUT_SHORT)).toBe(true);
  });
});

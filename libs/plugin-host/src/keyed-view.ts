import type { KeyedColumn } from '@rapport/store';

/** A map over one subject's entries of a keyed column, without copying them. Moves with its cursor. */
export class KeyedView implements ReadonlyMap<string | number, number> {
  /** Code of each text key; null where keys are numbers. */
  private readonly codes: ReadonlyMap<string, number> | null;

  constructor(
    private readonly column: KeyedColumn,
    private readonly cursor: { readonly i: number },
  ) {
    this.codes = column.dictionary && new Map(column.dictionary.map((key, code) => [key, code]));
  }

  private from(): number {
    return this.column.offsets[this.cursor.i] ?? 0;
  }
  private to(): number {
    return this.column.offsets[this.cursor.i + 1] ?? 0;
  }
  private key(k: number): string | number {
    const key = this.column.keys[k] ?? 0;
    return this.column.dictionary ? (this.column.dictionary[key] ?? '') : key;
  }
  get size(): number {
    return this.to() - this.from();
  }
  private find(key: string | number): number {
    const { keys, offsets } = this.column;
    const code = typeof key === 'number' ? (this.codes ? undefined : key) : this.codes?.get(key);
    if (code === undefined) return -1;
    const to = offsets[this.cursor.i + 1] ?? 0;
    for (let k = offsets[this.cursor.i] ?? 0; k < to; k++) if (keys[k] === code) return k;
    return -1;
  }
  get(key: string | number): number | undefined {
    const k = this.find(key);
    return k < 0 ? undefined : this.column.values[k];
  }
  has(key: string | number): boolean {
    return this.find(key) >= 0;
  }
  forEach(each: (value: number, key: string | number, map: ReadonlyMap<string | number, number>) => void): void {
    for (let k = this.from(); k < this.to(); k++) each(this.column.values[k] ?? 0, this.key(k), this);
  }
  *keys(): MapIterator<string | number> {
    for (let k = this.from(); k < this.to(); k++) yield this.key(k);
  }
  *values(): MapIterator<number> {
    for (let k = this.from(); k < this.to(); k++) yield this.column.values[k] ?? 0;
  }
  *entries(): MapIterator<[string | number, number]> {
    for (let k = this.from(); k < this.to(); k++) yield [this.key(k), this.column.values[k] ?? 0];
  }
  [Symbol.iterator](): MapIterator<[string | number, number]> {
    return this.entries();
  }
}

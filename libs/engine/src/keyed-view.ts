import type { KeyedColumn } from '@rapport/store';

/** A map over one subject's entries of a keyed column, without copying them. Moves with its cursor. */
export class KeyedView implements ReadonlyMap<string | number, number> {
  constructor(
    private readonly column: KeyedColumn,
    private readonly cursor: { readonly i: number },
  ) {}

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
  get(key: string | number): number | undefined {
    for (let k = this.from(); k < this.to(); k++) if (this.key(k) === key) return this.column.values[k];
    return undefined;
  }
  has(key: string | number): boolean {
    return this.get(key) !== undefined;
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

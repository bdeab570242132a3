/*
 * Ties are broken by message id in UTF-16 code-unit order, DuckDB orders text by code point, and the two differ where surrogates meet
 * U+E000–U+FFFF. An id is therefore stored with every code unit from U+D800 up moved above U+10000: the same order in both, and reversible.
 */
const HIGH = /[\ud800-\uffff]/;
const MOVED = /[\u{10000}-\u{1ffff}]/gu;

/** Message id as it is stored: ordered by code point like the original by code unit. */
export function storedId(id: string): string {
  if (!HIGH.test(id)) return id;
  let stored = '';
  for (let i = 0; i < id.length; i++) {
    const unit = id.charCodeAt(i);
    stored += unit < 0xd800 ? id.charAt(i) : String.fromCodePoint(unit + 0x10000);
  }
  return stored;
}

/** The message id that was stored. */
export const originalId = (stored: string): string =>
  stored.replace(MOVED, (moved) => String.fromCharCode((moved.codePointAt(0) ?? 0) - 0x10000));

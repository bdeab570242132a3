/*
 * How text is stored. MongoDB orders text by its UTF-8 bytes, Rapport orders ids by UTF-16 code units; the two differ from U+D800
 * on, and BSON cannot hold lone surrogates at all. So such units are written as two plain ones that sort alike in both orders.
 * A leading `$` is escaped too: it could be taken for a field path. Ordinary text is stored as it is.
 */
const SPECIAL = /[\ud800-\uffff]|^\$/;
const ENCODED = /[\ue000-\uf8ff]/;
const ESCAPE = '\ue000';
const HIGH_ESCAPE = '\ue001';
const DOLLAR = '#\ue002';

type Escape = (unit: number) => string;

const encodeWith = (text: string, escape: Escape): string => {
  if (!SPECIAL.test(text)) return text;
  const [start, prefix] = text.startsWith('$') ? [1, DOLLAR] : [0, ''];
  let encoded = prefix;
  for (let i = start; i < text.length; i++) {
    const unit = text.charCodeAt(i);
    encoded += unit < 0xd800 ? text.charAt(i) : escape(unit);
  }
  return encoded;
};

/** Text whose byte order is the code-unit order of the original: ids, names, keys. */
export const encodeId = (text: string): string =>
  encodeWith(text, (unit) => ESCAPE + String.fromCharCode(unit - 0xd800));

/** Text whose byte order is the code-point order of the original (lone surrogates last): property values that conditions compare. */
export const encodeText = (text: string): string =>
  encodeWith(text, (unit) =>
    unit < 0xe000
      ? HIGH_ESCAPE + String.fromCharCode(unit - 0xd800)
      : ESCAPE + String.fromCharCode(unit - 0xe000 + 0x800),
  );

/** The original of either encoding. */
export function decodeText(stored: string): string {
  if (!ENCODED.test(stored)) return stored;
  let text = stored.startsWith(DOLLAR) ? '$' : '';
  for (let i = text.length * DOLLAR.length; i < stored.length; i++) {
    const unit = stored.charAt(i);
    text += unit === ESCAPE || unit === HIGH_ESCAPE ? String.fromCharCode(0xd800 + stored.charCodeAt(++i)) : unit;
  }
  return text;
}

/** A property's name as a field name that MongoDB takes as one step of a path. */
export const fieldOf = (property: string): string =>
  property === ''
    ? '%'
    : encodeId(property)
        .replaceAll(/[%.$\0]/g, (character) => `%${character.charCodeAt(0).toString(16).padStart(2, '0')}`)
        .replace(/^(?=[\d_])/, '%_');

/** The property that a field name stands for. */
export const propertyOf = (field: string): string =>
  field === '%'
    ? ''
    : decodeText(
        field
          .replace(/^%_/, '')
          .replaceAll(/%([0-9a-f]{2})/g, (_, code: string) => String.fromCharCode(parseInt(code, 16))),
      );

import { readInstant, type Zone } from '@rapport/sdk/time';
import { decodeText } from './text.js';

/** The instants that a document's texts hold, by field; null where none does. */
export function instantsIn(texts: Readonly<Record<string, string>>, zone: Zone): Record<string, number> | null {
  const instants = Object.entries(texts).flatMap(([field, text]): [string, number][] => {
    const instant = readInstant(decodeText(text), zone);
    return instant === null ? [] : [[field, instant]];
  });
  return instants.length > 0 ? Object.fromEntries(instants) : null;
}
